// `redact_fields` inside texts: the value behind such a key in JSON, XML, YAML, key=value and the like.

import { Key } from '../../core/otlp/keys.js'
import { type Detector, defineDetector, Rank } from './detector.js'
import type { Joint } from './scan/labelled.js'
import type { Scan } from './scan/scan.js'
import { trimCell } from './scan/secrets.js'
import { Trigger } from './scan/triggers.js'

/** Written as key and value, not said in a sentence. */
const WRITTEN: ReadonlySet<Joint> = new Set<Joint>(['=', ':', '>', '|', 'flag'])

/** A detector for the plain ones among the rules (no globs, no `=key`); undefined when there are none. */
export function fieldDetector(rules: readonly string[]): Detector | undefined {
  const labels = rules
    .filter(rule => !/[*?]|^=/.test(rule))
    .map(rule => new Key(Buffer.from(rule)).words.join(' '))
    .filter(words => /^[\p{L} ]{2,60}$/u.test(words))
  if (labels.length === 0) return undefined
  return defineDetector({
    name: 'field',
    family: 'contact',
    about: 'the value behind a key of `redact_fields` in a text',
    checks: 'written as key and value',
    rank: Rank.key,
    when: Trigger.fieldLabel,
    labels,
    labelTrigger: Trigger.fieldLabel,
    hits: [],
    misses: [],
    find(scan: Scan): void {
      scan.eachLabel(({ start, end, joint }) => {
        if (WRITTEN.has(joint)) scan.hit(start, end, '[REDACTED]')
      })
      scan.eachCell((start, end) => {
        const [from, to] = trimCell(scan.text, start, end)
        scan.hit(from, to, '[REDACTED]')
      })
    }
  })
}
