// The work of `redaction`: asked at every place of the walk, it passes nearly all values on tier 1's word and rewrites
// the few that hold something. Fails closed: a text that cannot be looked through is replaced as a whole.

import { isUtf8 } from 'node:buffer'
import { type Key, keyMemo } from '../../core/otlp/keys.js'
import type { AttributeView, ValueView, Visitor } from '../../core/otlp/views.js'
import { type FieldMatcher, fieldMatcher } from '../../core/privacy/fields.js'
import { Keyring } from '../../core/privacy/keyring.js'
import { type Action, placeholder, substitute } from './actions.js'
import type { RedactionConfig } from './config.js'
import type { Detector } from './detector.js'
import { DETECTORS } from './detectors/index.js'
import { ipAddressWithPrivate } from './detectors/ip-address.js'
import { readable } from './scan/base64.js'
import { CleanCache, type CleanContext, cleanContext } from './scan/clean-cache.js'
import type { Where } from './scan/scan.js'
import { type Finding, NOWHERE, Scanner } from './scan/scanner.js'
import { NEGATIVE } from './scan/vocabulary.js'

/** What the redactor reports: never a value. */
export interface RedactorCounts {
  findings(n: number, detector: string): void
  places(n: number, place: string): void
  failed(n: number, reason: string): void
}

// Numbers below these hold fewer digits than any detector asks for: without a label only card numbers are bare digits.
const SMALLEST_BARE = 1e12
const SMALLEST_LABELLED = 1e5

export class Redactor {
  readonly #config: RedactionConfig
  readonly #counts: RedactorCounts
  readonly #scanner: Scanner
  readonly #actions: ReadonlyMap<string, Action>
  readonly #keys: Keyring | undefined
  readonly #whereOf: (key: Key) => Where
  readonly #clean = new CleanCache()
  readonly #cleanContextOf = keyMemo(() => cleanContext())
  readonly #cleanOfPlace = new Map<string, CleanContext>()

  constructor(config: RedactionConfig, counts: RedactorCounts) {
    this.#config = config
    this.#counts = counts
    const chosen = choose(config)
    this.#actions = new Map(chosen.map(({ detector, action }) => [detector.name, action]))
    this.#scanner = new Scanner(chosen.map(({ detector }) => detector))
    this.#keys = config.hash_key === undefined ? undefined : new Keyring({ key: config.hash_key.reveal() })
    this.#whereOf = keyMemo(key => this.#scanner.where(key.text))
  }

  /** The hooks that this config needs. */
  visitor(): Visitor {
    const value = (view: ValueView): void => this.#value(view)
    if (this.#config.redact_fields.length === 0) return { value }
    const fields = fieldMatcher(this.#config.redact_fields)
    return { value, wantsKey: key => fields.mayEnd(key), attribute: view => this.#field(view, fields) }
  }

  #field(view: AttributeView, fields: FieldMatcher): void {
    if (view.sealed) return
    const path: Key[] = []
    for (let depth = 0; depth <= view.depth; depth++) path.push(view.keyAt(depth))
    if (!fields.fits(path)) return
    this.#count('field', view.place)
    const action = this.#config.action
    if (action === 'report') return
    if (action === 'drop') view.remove()
    else if (action === 'drop_item') view.dropItem('redaction')
    else if (action === 'redact') view.replace('[REDACTED]', true)
    else view.replace(substitute(action, 'field', view.text(), this.#config.mask, this.#keys, ''), true)
  }

  #value(view: ValueView): void {
    if (view.sealed) return
    const kind = view.kind
    if (kind === 'int' || kind === 'double') {
      if (view.magnitude < smallest(this.#where(view))) return
    }
    const { buf, start, end } = view
    const context = kind === 'string' ? this.#contextOf(view) : undefined
    if (context !== undefined && this.#clean.has(context, buf, start, end)) return
    if (end - start > this.#config.max_scan_bytes) return this.#fail(view, 'too_long')
    const where = this.#where(view)
    const mask = this.#scanner.prefilter.mask(buf, start, end)
    if (mask !== 0 || this.#scanner.wakes(where)) this.#look(view, mask, where)
    if (context !== undefined && !view.isTouched) this.#clean.add(context, buf, start, end)
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
    return this.#scanner.where(path)
  }

  #look(view: ValueView, mask: number, where: Where): void {
    const bytes = view.buf.subarray(view.start, view.end)
    if (view.kind === 'bytes') return this.#bytes(view, bytes, mask, where)
    if (!isUtf8(bytes)) return this.#fail(view, 'undecodable')
    const text = bytes.toString('utf8')
    if (view.kind === 'double' && text.includes('.')) return
    const findings = this.#scanner.scan(text, mask, where)
    if (findings.length > 0) this.#apply(view, text, findings)
  }

  #bytes(view: ValueView, bytes: Buffer, mask: number, where: Where): void {
    const text = readable(bytes) ?? bytes.toString('latin1')
    const findings = this.#scanner.scan(text, mask, where)
    if (findings.length === 0) return
    let longest = findings[0]!
    for (const one of findings) if (one.end - one.start > longest.end - longest.start) longest = one
    this.#apply(view, text, [
      { start: 0, end: text.length, detector: longest.detector, isLabelled: longest.isLabelled }
    ])
  }

  #apply(view: ValueView, text: string, findings: readonly Finding[]): void {
    let out = ''
    let at = 0
    for (const { start, end, detector } of findings) {
      this.#count(detector.name, view.place)
      const action = this.#actions.get(detector.name)!
      if (action === 'drop') return view.remove()
      if (action === 'drop_item') return view.dropItem('redaction')
      if (action === 'report') continue
      out +=
        text.slice(at, start) +
        substitute(action, detector.name, text.slice(start, end), this.#config.mask, this.#keys, '')
      at = end
    }
    if (at > 0) view.replace(out + text.slice(at))
  }

  #fail(view: ValueView, reason: string): void {
    this.#counts.failed(1, reason)
    view.replace(placeholder(reason))
  }

  #count(detector: string, place: string): void {
    this.#counts.findings(1, detector)
    this.#counts.places(1, place)
  }
}

/** The smallest number under a key that is worth a look. */
function smallest({ bits }: Where): number {
  if (bits === 0) return SMALLEST_BARE
  return bits === NEGATIVE ? Number.POSITIVE_INFINITY : SMALLEST_LABELLED
}

/** The detectors that are on, each with its action. */
function choose(config: RedactionConfig): { detector: Detector; action: Action }[] {
  const standard = config.action
  const all = config.detectors['all']
  return DETECTORS.flatMap(built => {
    const detector = built.name === 'ip_address' && config.private_ips === 'redact' ? ipAddressWithPrivate : built
    const set = config.detectors[built.name] ?? all ?? true
    if (set === 'off' || set === false) return []
    return [{ detector, action: set === true ? standard : set }]
  })
}
