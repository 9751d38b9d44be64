// Changes of a running gateway, one at a time and each one recorded: another config (SIGHUP, the admin endpoint, the watch
// over the file), and whatever else people may do to it.

import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Registry } from 'prom-client'
import type { Who } from '../../../core/audit/record.js'
import type { Clock } from '../../../core/component/context.js'
import { codeOf } from '../../../core/component/errors.js'
import { type Difference, differences, fingerprints } from '../../../core/config/differences.js'
import type { Loaded } from '../../../core/config/load.js'
import { type ConfigProblem, problemText } from '../../../core/config/problem.js'
import type { GatewayConfig } from '../../../core/config/types.js'
import { Family } from '../../../core/telemetry/families.js'
import type { ProcessLog } from '../../../core/telemetry/log.js'
import { type Audit, type Details, pathsOf, self } from './audit.js'

/** A checked config and the text it was read from. */
export interface Source {
  /** Undefined: the defaults, which need no file. */
  readonly text: string | undefined
  readonly loaded: Loaded
}

export interface ControlOptions {
  /** Reads and checks the config anew. */
  readonly load: () => Source
  /** What runs at first. */
  readonly first: Source
  /** Goes over to the next config. @throws when that cannot be; `now` goes on then. */
  readonly apply: (next: Source, now: Source) => Promise<void>
  readonly audit: Audit
  readonly log: ProcessLog
  readonly clock: Clock
}

/** What became of a reload. */
export interface ReloadReport {
  readonly ok: boolean
  /** What is different now; empty: the same config. */
  readonly changed: readonly Difference[]
  /** What is wrong with the file. */
  readonly problems: readonly ConfigProblem[]
  /** Why a config that is fine could not be gone over to. */
  readonly error?: { readonly code: string; readonly says: string }
}

const EXPIRE_EVERY_MS = 3_600_000
const PREFIX = 'algoflow_gateway_'

export class Control {
  readonly #o: ControlOptions
  readonly #metrics = new Registry()
  readonly #reloads = new Map([
    ['accepted', 0],
    ['refused', 0]
  ])
  readonly #printKey = randomBytes(32).toString('hex')
  readonly #timers = new Map<string, { cancel(): void }>()
  #now: Source
  #isLastAccepted = true
  #reloading: Promise<unknown> = Promise.resolve()
  /** What the watch has seen last, good or bad. */
  #seen = ''

  constructor(options: ControlOptions) {
    this.#o = options
    this.#now = options.first
    this.#registerMetrics()
  }

  /** What runs now. */
  get config(): GatewayConfig {
    return this.#now.loaded.config!
  }

  /** As YAML, secrets hidden. */
  get expanded(): string {
    return this.#now.loaded.expanded
  }

  /** Text of the config that runs now: what a process that is started again must run, whatever the file says by then. */
  get text(): string | undefined {
    return this.#now.text
  }

  /** Opens the audit trail, records the start, and begins to watch. @throws AUDIT_UNWRITABLE */
  started(version: string): void {
    const { audit } = this.#o
    audit.open()
    const { settings } = this.#now.loaded
    const changed = audit.changes(settings)
    audit.record('gateway.start', self('start'), { version, config: this.configHash, ...pathsOf(changed) })
    audit.remember(settings)
    this.#seen = this.#printOf(this.#now.loaded)
    this.#watchLater()
    this.#expire()
  }

  /** Waits for a reload under way, then takes none any more. */
  async stop(): Promise<void> {
    for (const timer of this.#timers.values()) timer.cancel()
    await this.#reloading
    this.#o.audit.note('gateway.stop', self('signal'))
    this.#o.audit.close()
  }

  /** SHA-256 of the effective config as `/config` shows it: without secrets. */
  get configHash(): string {
    return createHash('sha256').update(this.expanded).digest('hex')
  }

  /** Reads the config anew and goes over to it, whole or not at all. Never rejects. */
  reload(who: Who): Promise<ReloadReport> {
    const run = this.#reloading.then(() => this.#reload(who, this.#o.load()))
    this.#reloading = run.catch(() => {}) // a fault must not keep the next one from being tried
    return run
  }

  /** Something people do that must be on record. */
  act<T>(action: string, who: Who, details: Details, work: () => Promise<T>, ended: (done: T) => Details): Promise<T> {
    return this.#o.audit.during(action, who, details, work, ended)
  }

  metricsText(): Promise<string> {
    return this.#metrics.metrics()
  }

  async #reload(who: Who, next: Source): Promise<ReloadReport> {
    const { audit, log, apply } = this.#o
    const { loaded } = next
    this.#seen = this.#printOf(loaded)
    if (loaded.config === undefined) return this.#refused(who, loaded.problems, undefined)
    const changed = this.#changes(loaded)
    try {
      if (changed.length > 0) await apply(next, this.#now)
    } catch (error) {
      return this.#refused(who, [], {
        code: codeOf(error),
        says: error instanceof Error ? error.message : String(error)
      })
    }
    this.#now = next
    this.#count('accepted')
    log.setLevel(this.config.service.logs.level)
    audit.note('config.reload', who, { result: 'accepted', config: this.configHash, ...pathsOf(changed) })
    audit.remember(loaded.settings)
    const paths = changed.map(({ path }) => path)
    log.info({ changed: paths }, paths.length > 0 ? 'the config was changed' : 'the config is the same')
    this.#watchLater()
    return { ok: true, changed, problems: [] }
  }

  #refused(who: Who, problems: readonly ConfigProblem[], error: ReloadReport['error']): ReloadReport {
    const { audit, log } = this.#o
    this.#count('refused')
    for (const problem of problems) log.error({ path: problem.path }, problemText(problem))
    const says =
      error?.says ?? (problems.length === 1 ? 'the config has a problem' : `the config has ${problems.length} problems`)
    log.error({ code: error?.code ?? 'CONFIG' }, `the config was not changed: ${says}`)
    const told = problems.map(({ code, path }) => (path === '' ? code : `${code} ${path}`))
    audit.note('config.reload', who, {
      result: 'refused',
      ...(error === undefined ? { problems: told } : { code: error.code })
    })
    return { ok: false, changed: [], problems, ...(error === undefined ? {} : { error }) }
  }

  #changes({ settings }: Loaded): readonly Difference[] {
    const print = (one: unknown) => fingerprints(one, this.#printKey)
    return differences(print(this.#now.loaded.settings), print(settings))
  }

  #count(result: 'accepted' | 'refused'): void {
    this.#isLastAccepted = result === 'accepted'
    this.#reloads.set(result, this.#reloads.get(result)! + 1)
  }

  /** One value for everything that the config says, or that is wrong with it. */
  #printOf({ settings, problems }: Loaded): string {
    return JSON.stringify([[...fingerprints(settings, this.#printKey)], problems])
  }

  #watchLater(): void {
    const { watch, intervalMs } = this.config.service.reload
    if (watch) this.#after('watch', intervalMs, () => this.#look())
    else this.#timers.get('watch')?.cancel()
  }

  #look(): void {
    const next = this.#o.load()
    if (this.#printOf(next.loaded) !== this.#seen) void this.reload(self('watch'))
    this.#watchLater()
  }

  #expire(): void {
    this.#o.audit.expire(this.#o.clock.now() - this.config.service.audit.retentionMs)
    this.#after('expire', EXPIRE_EVERY_MS, () => this.#expire())
  }

  #after(name: string, ms: number, work: () => void): void {
    this.#timers.get(name)?.cancel()
    this.#timers.set(name, this.#o.clock.after(ms, work))
  }

  #registerMetrics(): void {
    const own = (name: string, help: string, type: 'counter' | 'gauge', read: () => [object, number][]) =>
      new Family(this.#metrics, `${PREFIX}${name}`, help, type, () =>
        read().map(([labels, value]) => ({ labels: labels as Record<string, string>, value }))
      )
    own('config_reloads_total', 'Reloads of the config, by result.', 'counter', () =>
      [...this.#reloads].map(([result, n]) => [{ result }, n])
    )
    own('config_last_reload_successful', '1 unless the last reload was refused.', 'gauge', () => [
      [{}, this.#isLastAccepted ? 1 : 0]
    ])
    const { audit } = this.#o
    const kept = (value: () => [object, number]) => (): [object, number][] => (audit.isKept ? [value()] : [])
    own(
      'audit_records',
      'Number of the last record of the audit trail.',
      'gauge',
      kept(() => [{}, audit.head!.seq])
    )
    own(
      'audit_head_info',
      'The last record of the audit trail and its hash, for `audit verify --head`.',
      'gauge',
      kept(() => [{ seq: String(audit.head!.seq), hash: audit.head!.hash }, 1])
    )
    own('audit_failures_total', 'Records that could not be written.', 'counter', () => [[{}, audit.failures]])
  }
}

/** The text of a config file, for `Source`; undefined when it cannot be read (the load says why) or there is none. */
export function textOf(file: string | undefined): string | undefined {
  try {
    return file === undefined ? undefined : readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
