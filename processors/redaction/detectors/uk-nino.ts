// United Kingdom national insurance numbers.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const NINO =
  /(?<![A-Za-z0-9])([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z])[ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[A-D](?![A-Za-z0-9])/gi
const NEVER = new Set(['BG', 'GB', 'NK', 'KN', 'TN', 'NT', 'ZZ'])

export const ukNino = defineDetector({
  name: 'uk_nino',
  family: 'identity',
  about: 'United Kingdom national insurance number, AA999999A, also spaced',
  checks: 'prefix rules of HMRC, suffix A-D; lower case needs a label',
  rank: Rank.checked,
  when: Trigger.mixed,
  labels: ['nino', 'national insurance', 'national insurance number', 'ni number', 'ni no', 'nat ins'],
  labelTrigger: Trigger.numberLabel,
  hits: ['nino ‹AB123456C›', '‹AB 12 34 56 C›', '"‹JG103759A›"', 'ni number: ‹ab123456c›'],
  misses: ['GB123456A', 'AB123456E', 'DA123456C', 'XAB123456C', 'ab123456c'],
  find(scan: Scan): void {
    each(scan.text, NINO, match => {
      if (NEVER.has(match[1]!.toUpperCase())) return
      if (match[1] === match[1]!.toUpperCase() || scan.labelled(match.index))
        scan.hit(match.index, match.index + match[0].length)
    })
  }
})
