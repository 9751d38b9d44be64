// The work of `redaction`: asked at every place of the walk, it passes nearly all values on tier 1's word and rewrites
// the few that hold something. Fails closed: a text that cannot be looked through is replaced as a whole.

import { isUtf8 } from 'node:buffer'
import { type Key, keyMemo } from '../../core/otlp/keys.js'
import type { Place } from '../../core/otlp/schema.js'
import type { Interest } from '../../core/otlp/sieve/sieve.js'
import type { AttributeView, ItemView, ValueView, Visitor } from '../../core/otlp/views.js'
import { Keyring } from '../../core/privacy/keyring.js'
import { type Action, placeholder, substitute } from './actions.js'
import type { RedactionConfig } from './config.js'
import { type KeyRule, Policy } from './policy.js'
import { readable, textOf as textOfBytes } from './scan/bytes.js'
import { CleanCache, type CleanContext, cleanContext } from './scan/clean-cache.js'
import type { Where } from './scan/scan.js'
import { type Finding, NOWHERE } from './scan/scanner.js'
import { Trigger } from './scan/triggers.js'
import { NEGATIVE } from './scan/vocabulary.js'
import { obfuscate } from './statements.js'
import { Summary } from './summary.js'

/** What the redactor reports: never a value. */
export interface RedactorCounts {
  findings(n: number, detector?: string): void
  places(n: number, place?: string): void
  workflows(n: number, workflow?: string): void
  failed(n: number, reason?: string): void
}

// Numbers below these hold fewer digits than any detector asks for: without a label only card numbers are bare digits.
const SMALLEST_BARE = 1e12
const SMALLEST_LABELLED = 1e5
/** Paths of nested keys that are remembered. */
const MAX_PATHS = 4096
const MAX_PATH = 512
/** Workflows counted by name; the rest are `other`. */
const MAX_WORKFLOWS = 200

export class Redactor {
  readonly #config: RedactionConfig
  readonly #counts: RedactorCounts
  readonly #base: Policy
  readonly #byWorkflow: ReadonlyMap<string, Policy>
  readonly #keys: Keyring | undefined
  readonly #places: ReadonlySet<Place> | undefined
  readonly #whereOf: (key: Key) => Where
  /** By the path of nested keys. */
  readonly #wheres = new Map<string, Where>()
  readonly #clean = new CleanCache()
  readonly #cleanContextOf = keyMemo(() => cleanContext())
  readonly #cleanOfPlace = new Map<string, CleanContext>()
  readonly #summary: Summary | undefined
  readonly #workflows = new Set<string>()
  readonly #smallestForPatterns: number
  readonly #detects: boolean
  /** Of the item that is being walked. */
  #current: Policy
  #workflow = ''
  /** Within what tokens agree. */
  #scope = ''

  constructor(config: RedactionConfig, counts: RedactorCounts, installationKey?: string) {
    this.#config = config
    this.#counts = counts
    this.#base = this.#current = new Policy(config)
    this.#byWorkflow = new Map(
      Object.entries(config.by_workflow).map(([name, own]) => [name, new Policy(overlaid(config, own))])
    )
    const key = config.hash_key?.reveal() ?? installationKey
    this.#keys = key === undefined ? undefined : new Keyring({ key })
    this.#smallestForPatterns = this.#base.patterns?.smallestNumber ?? Number.POSITIVE_INFINITY
    this.#detects = this.#base.detects || this.#byWorkflow.size > 0
    this.#places = config.places.length === 0 ? undefined : new Set(config.places)
    this.#whereOf = keyMemo(key => this.#base.scanner.where(key.text))
    this.#summary = config.summary === 'silent' ? undefined : new Summary(config.summary)
  }

  /** The hooks that this config needs. */
  visitor(): Visitor {
    const visitor: { -readonly [K in keyof Visitor]: Visitor[K] } = { value: view => this.#value(view) }
    if (this.#byWorkflow.size === 0 && this.#places === undefined) visitor.interest = this.#interest()
    const policies = [this.#base, ...this.#byWorkflow.values()]
    if (policies.length > 1 || hasAction(this.#config, 'tokenize')) visitor.item = item => this.#item(item)
    if (needsAttributes(this.#config)) {
      visitor.wantsKey = key => policies.some(policy => policy.wants(key))
      visitor.attribute = view => this.#attribute(view)
    }
    if (this.#summary !== undefined) visitor.itemEnd = item => this.#summary!.write(item)
    return visitor
  }

  /** What `#value` would look at: it and this must agree (redactor.test.ts holds them against each other). */
  #interest(): Interest {
    const { detects, patterns, scanner } = this.#base
    return {
      shapes: detects ? scanner.prefilter : undefined,
      needs: [...(patterns?.needs ?? []), ...scanner.needs],
      maxBytes: this.#config.max_scan_bytes,
      ofKey: key => {
        const where = this.#whereOf(key)
        const smallestNumber = Math.min(
          this.#smallestForPatterns,
          this.#detects ? smallest(where) : Number.POSITIVE_INFINITY
        )
        if (this.#base.ofKey(key).isIgnored) return { texts: 'none', smallestNumber: Number.POSITIVE_INFINITY }
        return { texts: scanner.wakes(where) ? 'all' : 'by_shape', smallestNumber }
      }
    }
  }

  #item(item: ItemView): void {
    const name =
      item.attribute('workflow.name') ??
      item.attribute('algoflow.workflow.name') ??
      item.resourceAttribute('workflow.name') ??
      item.resourceAttribute('algoflow.workflow.name')
    this.#workflow = typeof name === 'string' ? name : ''
    this.#scope = this.#scopeOf(item)
    this.#current = this.#byWorkflow.get(this.#workflow) ?? this.#base
  }

  #scopeOf(item: ItemView): string {
    const key = this.#config.token_scope
    if (key === 'global') return ''
    if (key === 'workflow') return this.#workflow
    const value = item.attribute(key) ?? item.resourceAttribute(key)
    return value === undefined ? '' : String(value)
  }

  #attribute(view: AttributeView): void {
    if (view.sealed || !this.#looksAt(view.place)) return
    const policy = this.#policyOf(view.place)
    if (view.depth > 0) {
      const path = Array.from({ length: view.depth + 1 }, (_, depth) => view.keyAt(depth))
      const rule = policy.ofPath(path)
      if (rule !== undefined) this.#wholeValue(view, rule)
      return
    }
    const { rule, isStatement } = policy.ofKey(view.key)
    if (rule !== undefined) this.#wholeValue(view, rule)
    else if (isStatement) this.#statement(view)
  }

  #wholeValue(view: AttributeView, { action, name }: KeyRule): void {
    this.#count(name, view.place)
    if (action === 'report') return
    if (action === 'drop') {
      this.#summary?.dropped(view.key.text)
      return view.remove()
    }
    if (action === 'drop_item') return view.dropItem('redaction')
    this.#summary?.masked(view.key.text)
    if (action === 'mask_all') view.replace('****', true)
    else if (action === 'redact') view.replace('[REDACTED]', true)
    else view.replace(this.#substitute(action, name, view.text(), view.place), true)
  }

  #statement(view: AttributeView): void {
    const text = view.text()
    const bare = obfuscate(text)
    if (bare !== text) view.replace(bare)
  }

  #value(view: ValueView): void {
    if (view.sealed || !this.#looksAt(view.place)) return
    const kind = view.kind
    if (view.place === 'unknown_field' && this.#unknown(view)) return
    if ((kind === 'int' || kind === 'double') && this.#isSmall(view)) return
    const { buf, start, end } = view
    const policy = this.#policyOf(view.place)
    const context = kind === 'string' && policy === this.#base ? this.#contextOf(view) : undefined
    if (context !== undefined && this.#clean.has(context, buf, start, end)) return
    if (end - start > this.#config.max_scan_bytes) return this.#fail(view, 'too_long')
    const where = this.#where(view)
    const mask = policy.detects ? policy.scanner.prefilter.mask(buf, start, end) : 0
    const { scanner, patterns } = policy
    const isWorth =
      mask !== 0 || scanner.wakes(where) || patterns?.mayMatch(buf, start, end) || scanner.mayHold(buf, start, end)
    if (isWorth === true) this.#lookSafely(view, policy, mask, where)
    if (context !== undefined && !view.isTouched) this.#clean.add(context, buf, start, end)
  }

  /** True when a number has too few digits to be anything. */
  #isSmall(view: ValueView): boolean {
    if (view.magnitude >= this.#smallestForPatterns) return false
    return !this.#detects || view.magnitude < smallest(this.#where(view))
  }

  /** True when the place is one of those configured. */
  #looksAt(place: Place): boolean {
    return this.#places === undefined || this.#places.has(place)
  }

  /** Around items there is no workflow. */
  #policyOf(place: Place): Policy {
    if (this.#current === this.#base) return this.#base
    return isAround(place) ? this.#base : this.#current
  }

  /** True when nothing more is to be done with it. */
  #unknown(view: ValueView): boolean {
    if (this.#config.unknown_fields === 'drop') view.remove()
    return this.#config.unknown_fields !== 'scan'
  }

  /** What equal values must share to be equally clean; undefined where that is not worth keeping (nested keys). */
  #contextOf(view: ValueView): CleanContext | undefined {
    if (view.depth === 0) return this.#cleanContextOf(view.key!)
    if (view.depth > 0) return undefined
    let context = this.#cleanOfPlace.get(view.place)
    if (context === undefined) this.#cleanOfPlace.set(view.place, (context = cleanContext()))
    return context
  }

  #where(view: ValueView): Where {
    if (view.kind === 'key' || view.depth < 0) return NOWHERE
    return view.depth === 0 ? this.#whereOf(view.key!) : this.#wherePath(view)
  }

  #wherePath(view: ValueView): Where {
    let path = ''
    for (let depth = 0; depth <= view.depth; depth++) path += `${view.keyAt(depth).text}.`
    const known = this.#wheres.get(path)
    if (known !== undefined) return known
    const where = this.#base.scanner.where(path)
    if (this.#wheres.size >= MAX_PATHS) this.#wheres.clear()
    if (path.length <= MAX_PATH) this.#wheres.set(path, where)
    return where
  }

  #lookSafely(view: ValueView, policy: Policy, mask: number, where: Where): void {
    if (view.depth >= 0 && policy.ofKey(view.keyAt(0)).isIgnored) return
    try {
      this.#look(view, policy, mask, where)
    } catch {
      this.#fail(view, 'error')
    }
  }

  #look(view: ValueView, policy: Policy, mask: number, where: Where): void {
    if (view.kind === 'bytes') {
      return this.#bytes(view, policy, view.buf.subarray(view.start, view.end), mask, where)
    }
    const text = textOf(view, policy.detects ? mask : Trigger.nonAscii)
    if (text === undefined) return this.#fail(view, 'undecodable')
    if (view.kind === 'double' && text.includes('.')) return
    const findings = policy.scanner.scan(text, mask, where)
    if (findings.length > 0) this.#apply(view, policy, text, findings)
  }

  #bytes(view: ValueView, policy: Policy, bytes: Buffer, mask: number, where: Where): void {
    const plain = readable(bytes)
    const text = plain ?? textOfBytes(bytes) ?? bytes.toString('latin1')
    // UTF-16 and compressed text show tier 1 nothing of what they hold.
    const seen = plain === undefined && text.length !== bytes.length ? policy.scanner.maskOf(text) : mask
    const findings = policy.scanner.scan(text, seen, where)
    if (findings.length === 0) return
    if (view.place === 'unknown_field') {
      this.#count(findings[0]!.detector.name, view.place)
      return view.remove()
    }
    let longest = findings[0]!
    for (const one of findings) if (one.end - one.start > longest.end - longest.start) longest = one
    this.#apply(view, policy, text, [{ ...longest, start: 0, end: text.length, replacement: undefined }])
  }

  #apply(view: ValueView, policy: Policy, text: string, findings: readonly Finding[]): void {
    let out = ''
    let at = 0
    for (const { start, end, detector, replacement } of findings) {
      this.#count(detector.name, view.place)
      const action = policy.actionOf(detector.name)
      if (action === 'drop') {
        this.#summary?.dropped(view.key?.text)
        return view.remove()
      }
      if (action === 'drop_item') return view.dropItem('redaction')
      if (action === 'report') continue
      out +=
        text.slice(at, start) + this.#standIn(action, detector.name, text.slice(start, end), replacement, view.place)
      at = end
    }
    if (at === 0) return
    this.#summary?.masked(view.key?.text)
    view.replace(out + text.slice(at))
  }

  #standIn(
    action: Action | 'mask_all',
    name: string,
    value: string,
    replacement: string | undefined,
    place: Place
  ): string {
    if (action === 'mask_all') return '****'
    if (action === 'redact') return replacement ?? placeholder(name)
    return this.#substitute(action, name, value, place)
  }

  #substitute(action: Action, name: string, value: string, place: Place): string {
    return substitute(action, name, value, this.#config.mask, this.#keys, isAround(place) ? '' : this.#scope)
  }

  #fail(view: ValueView, reason: string): void {
    this.#counts.failed(1, reason)
    view.replace(placeholder(reason))
  }

  #count(detector: string, place: string): void {
    this.#counts.findings(1, detector)
    this.#counts.places(1, place)
    if (this.#workflow !== '') this.#counts.workflows(1, this.#bounded(this.#workflow))
  }

  /** A workflow's name as label, `other` once there are too many. */
  #bounded(workflow: string): string {
    if (this.#workflows.size < MAX_WORKFLOWS) this.#workflows.add(workflow)
    return this.#workflows.has(workflow) ? workflow : 'other'
  }
}

/** Places that belong to no item. */
function isAround(place: Place): boolean {
  return (
    place.startsWith('resource') || place.startsWith('scope') || place.startsWith('metric') || place === 'schema_url'
  )
}

/** The config of a workflow: its own settings over the common ones. */
function overlaid(config: RedactionConfig, own: RedactionConfig['by_workflow'][string]): RedactionConfig {
  return {
    ...config,
    mode: own.mode ?? config.mode,
    action: own.action ?? config.action,
    redact_fields: [...(own.redact_fields ?? []), ...config.redact_fields],
    detectors: { ...config.detectors, ...own.detectors }
  }
}

/** True when any part of the config asks for the action. */
export function hasAction(config: RedactionConfig, wanted: Action): boolean {
  const own = Object.values(config.by_workflow)
  const named = [config, ...own].flatMap(part => [part.action, ...Object.values(part.detectors ?? {})])
  const fields = [config, ...own].flatMap(part => part.redact_fields ?? [])
  return (
    named.includes(wanted) ||
    fields.some(field => typeof field !== 'string' && field.action === wanted) ||
    config.patterns.some(rule => rule.action === wanted)
  )
}

function needsAttributes(config: RedactionConfig): boolean {
  const own = Object.values(config.by_workflow)
  return (
    config.redact_fields.length > 0 ||
    config.blocked_key_patterns.length > 0 ||
    config.allowed_keys.length > 0 ||
    config.allow_all_keys === false ||
    config.statements === 'obfuscate' ||
    config.mode === 'allow_list' ||
    own.some(part => part.mode === 'allow_list' || (part.redact_fields ?? []).length > 0)
  )
}

/** The text of a value; undefined when it is not UTF-8. ASCII, which is nearly all, needs no check. */
function textOf({ buf, start, end }: ValueView, mask: number): string | undefined {
  if ((mask & Trigger.nonAscii) === 0) return buf.toString('latin1', start, end)
  const bytes = buf.subarray(start, end)
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

/** The smallest number under a key that is worth a look. */
function smallest({ bits }: Where): number {
  if (bits === 0) return SMALLEST_BARE
  return bits === NEGATIVE ? Number.POSITIVE_INFINITY : SMALLEST_LABELLED
}
