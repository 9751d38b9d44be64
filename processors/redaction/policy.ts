// A config compiled: which detectors with which action, what each key means. One policy for all, one a workflow that has
// its own settings.

import { createRequire } from 'node:module'
import type RE2 from 're2'
import { type Key, keyMemo } from '../../core/otlp/keys.js'
import { errors } from '../../core/privacy/errors.js'
import { type FieldMatcher, fieldMatcher } from '../../core/privacy/fields.js'
import type { Action } from './actions.js'
import { ALGOFLOW_KEYS, CONVENTION_KEYS } from './allow-list.js'
import type { RedactionConfig } from './config.js'
import type { Detector } from './detector.js'
import { DETECTORS, OPTIONAL } from './detectors/index.js'
import { ipAddressWithPrivate } from './detectors/ip-address.js'
import { urlSecret, urlSecretWith } from './detectors/url-secret.js'
import { fieldDetector } from './field-detector.js'
import { Patterns, patternDetector } from './scan/patterns.js'
import { Scanner } from './scan/scanner.js'

/** What is done with the whole value of a key. `mask_all` is the Collector's `****`. */
export interface KeyRule {
  readonly action: Action | 'mask_all'
  /** What it is counted as. */
  readonly name: 'field' | 'unlisted' | 'blocked_key'
}

/** What a key means by itself. */
export interface KeyVerdict {
  readonly rule: KeyRule | undefined
  /** Neither dropped nor looked at. */
  readonly isIgnored: boolean
  /** A database statement, to be obfuscated. */
  readonly isStatement: boolean
}

const PLAIN: KeyVerdict = { rule: undefined, isIgnored: false, isStatement: false }
const STATEMENT =
  /(?:^|\.)(?:db\.(?:statement|query\.text|sql\.statement|query)|sql\.(?:query|text)|redis\.command|mongodb\.query)$/

/** One set of settings, compiled. */
export class Policy {
  readonly scanner: Scanner
  readonly patterns: Patterns | undefined
  /** False when no detector is on: then tier 1 need not look. */
  readonly detects: boolean
  /** What a key of depth 0 means. */
  readonly ofKey: (key: Key) => KeyVerdict
  readonly #actions: Map<string, Action | 'mask_all'>
  readonly #fields: readonly { readonly matcher: FieldMatcher; readonly action: Action }[]

  constructor(config: RedactionConfig) {
    const chosen = chooseDetectors(config)
    const rules = patternRules(config)
    this.#actions = new Map(chosen.map(({ detector, action }) => [detector.name, action]))
    for (const rule of rules) this.#actions.set(rule.name, rule.action)
    this.patterns = rules.length === 0 ? undefined : new Patterns(rules, 'patterns', patternDetector)
    this.scanner = new Scanner(
      chosen.map(({ detector }) => detector),
      this.patterns
    )
    this.detects = chosen.length > 0
    this.#fields = groupFields(config)
    this.ofKey = keyMemo(verdictMaker(config, this.#fields))
  }

  /** What is done with a detector's or pattern's hits. */
  actionOf(name: string): Action | 'mask_all' {
    return this.#actions.get(name) ?? 'redact'
  }

  /** The rule for a nested pair; outermost key first. */
  ofPath(path: readonly Key[]): KeyRule | undefined {
    for (const { matcher, action } of this.#fields) if (matcher.fits(path)) return { action, name: 'field' }
    return undefined
  }

  /** True when the attribute hook has anything to say about a key. */
  wants(key: Key): boolean {
    const verdict = this.ofKey(key)
    return verdict.rule !== undefined || verdict.isStatement || this.#fields.some(({ matcher }) => matcher.mayEnd(key))
  }
}

/** The detectors that are on, each with its action. */
function chooseDetectors(config: RedactionConfig): { detector: Detector; action: Action }[] {
  const all = config.detectors['all']
  const chosen = DETECTORS.flatMap(built => {
    const set = config.detectors[built.name] ?? all ?? true
    if (set === 'off' || set === false) return []
    return [{ detector: variant(built, config), action: set === true ? config.action : set }]
  })
  for (const detector of OPTIONAL) {
    const set = config.detectors[detector.name] ?? false
    if (set !== 'off' && set !== false) chosen.push({ detector, action: set === true ? config.action : set })
  }
  const own = fieldDetector(config.redact_fields.flatMap(rule => (typeof rule === 'string' ? [rule] : [])))
  return own === undefined ? chosen : [...chosen, { detector: own, action: config.action }]
}

function variant(detector: Detector, config: RedactionConfig): Detector {
  if (detector.name === 'ip_address' && config.private_ips === 'redact') return ipAddressWithPrivate
  if (detector === urlSecret && config.url_params.length > 0) return urlSecretWith(config.url_params)
  return detector
}

function patternRules(config: RedactionConfig) {
  const own = config.patterns.map(rule => ({ ...rule, action: rule.action ?? config.action }))
  const blocked = config.blocked_values.map((pattern, i) => ({
    name: `blocked_value_${i}`,
    pattern,
    action: 'mask_all' as const
  }))
  return [...own, ...blocked]
}

function groupFields(config: RedactionConfig): { matcher: FieldMatcher; action: Action }[] {
  const byAction = new Map<Action, string[]>()
  for (const rule of config.redact_fields) {
    const [field, action] = typeof rule === 'string' ? [rule, config.action] : [rule.field, rule.action]
    const list = byAction.get(action)
    if (list === undefined) byAction.set(action, [field])
    else list.push(field)
  }
  return [...byAction].map(([action, fields]) => ({ matcher: fieldMatcher(fields), action }))
}

function verdictMaker(
  config: RedactionConfig,
  fields: readonly { matcher: FieldMatcher; action: Action }[]
): (key: Key) => KeyVerdict {
  const ignored = new Set(config.ignored_keys)
  const listed = allowList(config)
  const blocked = keyPatterns(config.blocked_key_patterns)
  const rule = (key: Key): KeyRule | undefined => {
    for (const { matcher, action } of fields) if (matcher.fits([key])) return { action, name: 'field' }
    if (listed !== undefined && !listed(key)) return { action: config.allow_list.action, name: 'unlisted' }
    return blocked.some(pattern => pattern.test(key.text)) ? { action: 'mask_all', name: 'blocked_key' } : undefined
  }
  return key => {
    if (ignored.has(key.text)) return { ...PLAIN, isIgnored: true }
    const found = rule(key)
    const isStatement = config.statements === 'obfuscate' && STATEMENT.test(key.text)
    return found === undefined && !isStatement ? PLAIN : { rule: found, isIgnored: false, isStatement }
  }
}

/** Tells whether a key may pass; undefined when all may. */
function allowList(config: RedactionConfig): ((key: Key) => boolean) | undefined {
  const isCollectors =
    config.allow_all_keys === false || (config.allowed_keys.length > 0 && config.allow_all_keys !== true)
  if (config.mode !== 'allow_list' && !isCollectors) return undefined
  const exact = new Set([...config.allowed_keys, ...config.ignored_keys])
  if (config.mode === 'allow_list' && config.allow_list.shipped) {
    for (const key of CONVENTION_KEYS) exact.add(key)
    for (const key of ALGOFLOW_KEYS) exact.add(key).add(`algoflow.${key}`)
  }
  const more = fieldMatcher(config.mode === 'allow_list' ? config.allow_list.keys : [])
  return key => exact.has(key.text) || more.fits([key])
}

function keyPatterns(patterns: readonly string[]): RE2[] {
  if (patterns.length === 0) return []
  const Expression = createRequire(import.meta.url)('re2') as typeof RE2
  return patterns.map((pattern, i) => {
    try {
      return new Expression(pattern)
    } catch (error) {
      throw errors.PRIVACY_BAD_PATTERN(`blocked_key_patterns[${i}]`, (error as Error).message)
    }
  })
}
