// The configuration's own patterns, in RE2 syntax (linear time), with a prefilter made from what each of them needs.

import { createRequire } from 'node:module'
import type RE2 from 're2'
import type { Need } from '../../../core/otlp/sieve/sieve.js'
import { errors } from '../../../core/privacy/errors.js'
import { type Detector, Rank } from '../detector.js'
import { CHECKSUMS } from './checksums.js'
import { automatonOf } from './pattern-automaton.js'
import { Measure, type Needs, needsOf } from './pattern-needs.js'
import type { Scan } from './scan.js'

/** One pattern as configured. */
export interface PatternRule {
  readonly name: string
  readonly pattern: string
  /** The capture group that is redacted; 0 = all of the match. */
  readonly group?: number
  /** Words one of which must stand in the key or as a label before the match. */
  readonly context?: readonly string[]
  /** Name of a checksum that the match must pass. */
  readonly checksum?: string
}

interface Compiled {
  readonly rule: PatternRule
  readonly expression: RE2
  readonly needs: Needs
  readonly detector: Detector
}

/** The native module is loaded by the first config that has patterns. */
const load = createRequire(import.meta.url)

/** The patterns of one config. */
export class Patterns {
  readonly #compiled: readonly Compiled[]
  readonly #measure = new Measure()
  /** All of them as one: asked of the bytes, before anything is decoded. */
  readonly #union: RE2

  /** `path`: where the rules stand in the config, for errors. */
  constructor(rules: readonly PatternRule[], path: string, detectorOf: (rule: PatternRule) => Detector) {
    const Expression = load('re2') as typeof RE2
    this.#compiled = rules.map((rule, i) => ({
      rule,
      expression: compile(Expression, rule.pattern, `${path}[${i}]`),
      needs: needsOf(rule.pattern),
      detector: detectorOf(rule)
    }))
    this.#union = new Expression(rules.map(rule => `(?:${rule.pattern})`).join('|'))
  }

  /** What texts must hold, one of them all of it, for any pattern to match. */
  get needs(): readonly Need[] {
    return this.#compiled.map(({ needs, rule }) => ({ ...needs, matcher: automatonOf(rule.pattern) }))
  }

  /** Whole numbers below this have too few digits for any pattern; Infinity when no pattern can match a number. */
  get smallestNumber(): number {
    let smallest = Number.POSITIVE_INFINITY
    for (const { needs } of this.#compiled) {
      const isPossible =
        needs.upper === 0 && [...needs.bytes].every(byte => byte === 0x2d || (byte >= 0x30 && byte <= 0x39))
      if (isPossible)
        smallest = Math.min(smallest, needs.digits === 0 ? 0 : 10 ** (Math.max(needs.digits, needs.length - 1) - 1))
    }
    return smallest
  }

  /** False when no pattern can match these bytes. */
  mayMatch(buf: Uint8Array, start: number, end: number): boolean {
    this.#measure.take(buf, start, end)
    if (!this.#compiled.some(({ needs }) => this.#measure.meets(needs))) return false
    return this.#union.test(buf.subarray(start, end) as never)
  }

  /** Reports the hits of all patterns in the text. */
  find(scan: Scan): void {
    for (const { rule, expression, detector } of this.#compiled) {
      expression.lastIndex = 0
      for (let match = expression.exec(scan.text); match !== null; match = expression.exec(scan.text)) {
        if (match[0] === '') {
          expression.lastIndex++
          continue
        }
        report(scan, rule, detector, match)
      }
    }
  }
}

function compile(Expression: typeof RE2, pattern: string, path: string): RE2 {
  try {
    return new Expression(pattern, 'g')
  } catch (error) {
    throw errors.PRIVACY_BAD_PATTERN(path, (error as Error).message)
  }
}

function report(scan: Scan, rule: PatternRule, detector: Detector, match: RegExpExecArray): void {
  const value = match[rule.group ?? 0]
  if (value === undefined || value === '') return
  if (rule.checksum !== undefined && CHECKSUMS[rule.checksum]?.(value) !== true) return
  const start = match.index + (rule.group === undefined || rule.group === 0 ? 0 : match[0].indexOf(value))
  if (rule.context !== undefined && rule.context.length > 0 && !scan.near(rule.context, start)) return
  scan.hitAs(detector, start, start + value.length)
}

/** The declaration that stands for a pattern among the detectors. */
export function patternDetector(rule: PatternRule): Detector {
  return {
    name: rule.name,
    family: 'secret',
    about: 'a pattern of the configuration',
    checks: rule.checksum ?? '',
    rank: Rank.key,
    when: 0,
    hits: [],
    misses: [],
    find() {}
  }
}
