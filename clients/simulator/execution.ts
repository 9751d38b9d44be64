// One run of a workflow, played from its start to its end at once: steps wait for what they depend on and for a free
// slot, come from the cache, are slow, time out, fail, are tried again. All times are whole milliseconds, so that sums
// of them are exact.

import { type Attributes, STEP, WORKFLOW } from './attributes.js'
import { type Person, type Plant, person, secret } from './people.js'
import { Random } from './random.js'
import type { Call, Cause, StepSpec, WorkflowSpec } from './workflows.js'

/** How likely things happen; parts of 1. */
export interface Chances {
  /** Runs that end failed. */
  readonly fail: number
  /** Attempts that fail and succeed when tried again. */
  readonly flaky: number
  /** Attempts that take several times as long. */
  readonly slow: number
  /** Cacheable steps that come from the cache. */
  readonly cache: number
  /** Runs whose telemetry has personal data and secrets in it. */
  readonly personal: number
}

/** What is true about a span, for whoever counts. */
export type Fact =
  | {
      readonly of: 'workflow'
      readonly workflow: string
      readonly ms: number
      readonly errorType: string | undefined
    }
  | {
      readonly of: 'step'
      readonly workflow: string
      readonly step: string
      readonly attempt: number
      readonly ms: number
      readonly queueMs: number
      /** Undefined where nothing can come from a cache. */
      readonly isCached: boolean | undefined
      readonly errorType: string | undefined
    }

export interface SpanItem {
  readonly traceId: Buffer
  readonly spanId: Buffer
  readonly parentSpanId?: Buffer
  readonly name: string
  readonly isClient: boolean
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Attributes
  readonly events: readonly { readonly atMs: number; readonly name: string; readonly attributes: Attributes }[]
  /** The status message of a span that failed. */
  readonly failure?: string
  readonly isRoot: boolean
  readonly fact?: Fact
  readonly memoryBytes: number
  readonly planted: readonly Plant[]
}

export type Severity = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR'

export interface LogItem {
  readonly atMs: number
  readonly severity: Severity
  readonly body: string
  readonly attributes: Attributes
  readonly traceId?: Buffer
  readonly spanId?: Buffer
  readonly planted: readonly Plant[]
}

/** Everything that one run sends. */
export interface Execution {
  readonly workflow: string
  readonly traceId: string
  readonly startMs: number
  readonly endMs: number
  readonly isFailed: boolean
  readonly spans: readonly SpanItem[]
  readonly logs: readonly LogItem[]
}

export interface PlayOptions {
  readonly seed: number
  /** Number of the run; with the seed it decides everything about it. */
  readonly index: number
  readonly startMs: number
  readonly chances: Chances
}

const MAX_ATTEMPTS = 3
const BACKOFF_MS = 200
const TIMEOUT: Cause = { type: 'Timeout', message: 'no result within {timeout} ms', isTransient: true }
const HOSTS = ['db-2.internal', 'cache-1.internal', 'partner-api.internal', 'smtp.internal']

/** Plays one run. The same spec and options give the same run, to the byte. */
export function play(spec: WorkflowSpec, options: PlayOptions): Execution {
  return new Run(spec, options).play()
}

interface Attempt {
  readonly number: number
  readonly startMs: number
  readonly endMs: number
  readonly queueMs: number
  readonly isCached: boolean
  readonly cause: Cause | undefined
  readonly isLast: boolean
}

class Run {
  readonly #spec: WorkflowSpec
  readonly #o: PlayOptions
  readonly #random: Random
  readonly #person: Person | undefined
  readonly #traceId: Buffer
  readonly #rootId: Buffer
  readonly #id: string
  readonly #doomed: { readonly step: StepSpec; readonly cause: Cause } | undefined
  readonly #spans: SpanItem[] = []
  readonly #logs: LogItem[] = []
  /** What `#fill` put into texts since somebody took it. */
  #plants: Plant[] = []

  constructor(spec: WorkflowSpec, options: PlayOptions) {
    const random = new Random(options.seed, `run ${options.index}`)
    this.#spec = spec
    this.#o = options
    this.#random = random
    this.#traceId = random.bytes(16)
    this.#rootId = random.bytes(8)
    this.#id = random.uuid()
    const someone = person(random)
    this.#person = random.chance(options.chances.personal) ? someone : undefined
    this.#doomed = random.chance(options.chances.fail) ? this.#doom() : undefined
  }

  play(): Execution {
    const { name } = this.#spec
    const startMs = this.#o.startMs
    const who = this.#person === undefined ? '' : this.#fill(' for {email}')
    this.#log(startMs, 'INFO', `Workflow ${name} started${who}`, this.#rootId, { [WORKFLOW.id]: this.#id })
    const endMs = this.#schedule()
    this.#root(endMs)
    return {
      workflow: name,
      traceId: this.#traceId.toString('hex'),
      startMs,
      endMs,
      isFailed: this.#doomed !== undefined,
      spans: this.#spans,
      logs: this.#logs
    }
  }

  #doom(): { step: StepSpec; cause: Cause } {
    const step = this.#random.pick(this.#spec.steps)
    return { step, cause: this.#random.pick([...step.causes, TIMEOUT]) }
  }

  /** Starts steps as their dependencies end and slots are free; nothing new starts behind a failure. The end of all. */
  #schedule(): number {
    const ends = new Map<string, number>()
    const running: { readonly step: StepSpec; readonly endMs: number }[] = []
    const waiting = [...this.#spec.steps]
    let now = this.#o.startMs
    let isFailed = false
    for (;;) {
      while (!isFailed && running.length < this.#spec.parallelism) {
        const at = waiting.findIndex(step => step.after.every(name => ends.has(name)))
        if (at < 0) break
        const step = waiting.splice(at, 1)[0]!
        const readyMs = Math.max(this.#o.startMs, ...step.after.map(name => ends.get(name)!))
        running.push({ step, endMs: this.#step(step, readyMs, now + this.#random.int(1, 12)) })
      }
      if (running.length === 0) return now + this.#random.int(1, 5)
      running.sort((a, b) => a.endMs - b.endMs)
      const { step, endMs } = running.shift()!
      now = endMs
      if (step === this.#doomed?.step) isFailed = true
      else ends.set(step.name, endMs)
    }
  }

  /** All attempts of a step; the end of the last one. */
  #step(step: StepSpec, readyMs: number, startMs: number): number {
    let [waitingSince, begin] = [readyMs, startMs]
    for (let number = 1; ; number++) {
      const attempt = this.#attempt(step, number, waitingSince, begin)
      this.#stepSpan(step, attempt)
      if (attempt.isLast) return attempt.endMs
      waitingSince = attempt.endMs
      begin = attempt.endMs + BACKOFF_MS * 2 ** (number - 1) + this.#random.int(0, 50)
    }
  }

  #attempt(step: StepSpec, number: number, waitingSince: number, startMs: number): Attempt {
    const { chances } = this.#o
    const random = this.#random
    const isDoomed = step === this.#doomed?.step
    const isCached = step.isCacheable && !isDoomed && random.chance(chances.cache)
    let ms = Math.max(1, Math.round(isCached ? random.int(2, 15) : random.around(step.ms, 0.35)))
    if (!isCached && random.chance(chances.slow)) ms *= random.int(3, 8)
    const mayFail = number < MAX_ATTEMPTS && !isCached
    let cause: Cause | undefined
    if (isDoomed) cause = this.#doomed?.cause
    else if (mayFail && ms >= step.timeoutMs) cause = TIMEOUT
    else if (mayFail && random.chance(chances.flaky))
      cause = random.pick([TIMEOUT, ...step.causes.filter(c => c.isTransient)])
    ms = cause?.type === 'Timeout' ? step.timeoutMs : Math.min(ms, step.timeoutMs - 1)
    const isLast = cause === undefined || (isDoomed && (!cause.isTransient || number === MAX_ATTEMPTS))
    return { number, startMs, endMs: startMs + ms, queueMs: startMs - waitingSince, isCached, cause, isLast }
  }

  #stepSpan(step: StepSpec, attempt: Attempt): void {
    const { number, startMs, endMs, queueMs, isCached, cause, isLast } = attempt
    const random = this.#random
    const spanId = random.bytes(8)
    const failure = cause && this.#fill(cause.message).replace('{timeout}', String(step.timeoutMs))
    const failing = this.#taken()
    const memoryBytes = Math.round(random.around(step.memoryMb, 0.15)) * 1_048_576
    const fact: Fact = {
      of: 'step',
      workflow: this.#spec.name,
      step: step.name,
      attempt: number,
      ms: endMs - startMs,
      queueMs,
      isCached: step.isCacheable ? isCached : undefined,
      errorType: cause?.type
    }
    this.#spans.push({
      traceId: this.#traceId,
      spanId,
      parentSpanId: this.#rootId,
      name: `step ${step.name}`,
      isClient: false,
      isRoot: false,
      startMs,
      endMs,
      memoryBytes,
      fact,
      attributes: {
        [WORKFLOW.name]: this.#spec.name,
        [WORKFLOW.id]: this.#id,
        [STEP.name]: step.name,
        [STEP.attempt]: number,
        ...(step.isCacheable ? { [STEP.cached]: isCached } : {}),
        [STEP.timeoutMs]: step.timeoutMs,
        [STEP.dependencies]: step.after,
        [STEP.inputBytes]: random.int(200, 40_000),
        ...(cause === undefined ? { [STEP.outputBytes]: Math.round(random.around(step.outputKb, 0.5) * 1024) } : {}),
        [STEP.queueMs]: queueMs,
        [STEP.memoryBytes]: memoryBytes,
        [STEP.cpuMs]: Math.round((endMs - startMs) * (0.2 + 0.7 * random.next())),
        ...(cause === undefined ? {} : { [STEP.errorType]: cause.type }),
        ...this.#note()
      },
      events: cause === undefined ? [] : [exception(cause, failure!, endMs, step.name)],
      ...(failure === undefined ? {} : { failure }),
      // What went wrong stands in the status and in the exception.
      planted: [...this.#taken(), ...failing, ...failing]
    })
    if (!isCached) this.#calls(step, attempt, spanId)
    this.#stepLogs(step, attempt, spanId, failure, isLast)
    if (failing.length > 0) this.#logs.push({ ...this.#logs.pop()!, planted: failing })
  }

  /** What a careless step writes into its span. */
  #note(): Attributes {
    if (this.#person === undefined || !this.#random.chance(0.15)) return {}
    const texts = ['paid with {card} by {email}', 'payout to {iban}', 'call back {phone}', 'ssn {ssn} was checked']
    return { [STEP.note]: this.#fill(this.#random.pick(texts)) }
  }

  #calls(step: StepSpec, { startMs, endMs, cause }: Attempt, parentSpanId: Buffer): void {
    let at = startMs
    for (const [i, call] of step.calls.entries()) {
      const until = at + Math.max(1, Math.floor(((endMs - at) * this.#random.int(20, 70)) / 100))
      const isError = cause !== undefined && i === step.calls.length - 1
      this.#spans.push({
        traceId: this.#traceId,
        spanId: this.#random.bytes(8),
        parentSpanId,
        name: this.#fill(call.name),
        isClient: true,
        isRoot: false,
        startMs: at,
        endMs: Math.min(until, endMs),
        memoryBytes: 0,
        attributes: this.#callAttributes(call),
        events: [],
        ...(isError ? { failure: 'the other side did not answer' } : {}),
        planted: this.#taken()
      })
      at = Math.min(until, endMs)
    }
  }

  #callAttributes(call: Call): Attributes {
    const host = this.#random.pick(HOSTS)
    if (call.system === 'postgresql') {
      return { 'db.system.name': 'postgresql', 'server.address': host, 'db.query.text': this.#fill(call.detail) }
    }
    return { 'http.request.method': 'GET', 'url.full': `https://${host}${this.#fill(call.detail)}` }
  }

  #stepLogs(step: StepSpec, attempt: Attempt, spanId: Buffer, failure: string | undefined, isLast: boolean): void {
    const { startMs, endMs, isCached, number } = attempt
    const names = { [WORKFLOW.id]: this.#id, [STEP.name]: step.name }
    if (this.#person !== undefined && this.#random.chance(0.05)) {
      // No names on this one: a library wrote it, only its trace tells where it belongs.
      const text = `authenticated with ${this.#plant(secret(this.#random))}`
      this.#log(startMs + 1, 'DEBUG', text, spanId, { 'code.namespace': 'Partner.Client' })
    }
    if (failure === undefined) {
      const times = { duration_ms: endMs - startMs, cache_hit: isCached }
      this.#log(endMs, 'INFO', 'Step completed', spanId, { ...names, ...times })
      return
    }
    const [severity, what] = isLast ? (['ERROR', 'Step failed'] as const) : (['WARN', 'Step is tried again'] as const)
    this.#log(endMs, severity, `${what}: ${failure}`, spanId, { ...names, attempt: number })
  }

  #root(endMs: number): void {
    const { name, version, steps, parallelism, trigger } = this.#spec
    const ms = endMs - this.#o.startMs
    const errorType = this.#doomed?.cause.type
    const isFailed = this.#doomed !== undefined
    this.#spans.push({
      traceId: this.#traceId,
      spanId: this.#rootId,
      name: `workflow ${name}`,
      isClient: false,
      isRoot: true,
      startMs: this.#o.startMs,
      endMs,
      memoryBytes: 0,
      fact: { of: 'workflow', workflow: name, ms, errorType },
      attributes: {
        [WORKFLOW.name]: name,
        [WORKFLOW.version]: version,
        [WORKFLOW.id]: this.#id,
        [WORKFLOW.totalSteps]: steps.length,
        [WORKFLOW.parallelism]: parallelism,
        [WORKFLOW.trigger]: trigger,
        ...this.#customer(),
        ...(isFailed ? { [WORKFLOW.errorType]: errorType!, [WORKFLOW.failedStep]: this.#doomed!.step.name } : {})
      },
      events: [],
      ...(isFailed ? { failure: `step ${this.#doomed!.step.name} failed: ${errorType}` } : {}),
      planted: this.#taken()
    })
    const text = isFailed ? `Workflow ${name} failed` : `Workflow ${name} completed`
    this.#log(endMs, isFailed ? 'ERROR' : 'INFO', text, this.#rootId, { [WORKFLOW.id]: this.#id, duration_ms: ms })
  }

  #customer(): Attributes {
    if (this.#person === undefined) return {}
    const { userId, sessionId, address } = this.#person
    return {
      user_id: userId,
      session_id: sessionId,
      'client.address': this.#plant({ kind: 'ip_address', value: address }),
      [WORKFLOW.notify]: this.#fill('{email}')
    }
  }

  #log(atMs: number, severity: Severity, body: string, spanId: Buffer, attributes: Attributes): void {
    this.#logs.push({ atMs, severity, body, attributes, traceId: this.#traceId, spanId, planted: this.#taken() })
  }

  /** Puts somebody's data into a text, or what a careful program would have put there. */
  #fill(text: string): string {
    const one = this.#person
    return text.replace(/\{(email|card|ssn|iban|phone|secret|host)\}/g, (_, what: string) => {
      if (what === 'host') return this.#random.pick(HOSTS)
      if (one === undefined) return `customer-${what}`
      switch (what) {
        case 'email':
          return this.#plant({ kind: 'email', value: one.email })
        case 'card':
          return this.#plant({ kind: 'credit_card', value: one.card })
        case 'ssn':
          return this.#plant({ kind: 'us_ssn', value: one.ssn })
        case 'iban':
          return this.#plant({ kind: 'iban', value: one.iban })
        case 'phone':
          return this.#plant({ kind: 'phone', value: one.phone })
        default:
          return this.#plant(secret(this.#random))
      }
    })
  }

  #plant(plant: Plant): string {
    this.#plants.push(plant)
    return plant.value
  }

  /** What was planted since the last call: it stands in the item that is being made. */
  #taken(): readonly Plant[] {
    const taken = this.#plants
    this.#plants = []
    return taken
  }
}

function exception(cause: Cause, message: string, atMs: number, step: string): SpanItem['events'][number] {
  const module = step.replace(/(^|-)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase())
  const stack = `CallStack (from HasCallStack):\n  throwIO, called at src/AlgoFlow/Steps/${module}.hs:81:7 in main:AlgoFlow.Steps`
  const attributes = { 'exception.type': cause.type, 'exception.message': message, 'exception.stacktrace': stack }
  return { atMs, name: 'exception', attributes }
}
