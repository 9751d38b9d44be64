// India: permanent account number.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const PAN = /(?<![A-Za-z0-9])[A-Z]{3}[PCHFATBLJGK][A-Z]\d{4}[A-Z](?![A-Za-z0-9])/gi

export const indiaPan = defineDetector({
  name: 'india_pan',
  family: 'identity',
  about: 'Indian permanent account number, AAAPA9999A',
  checks: 'the fourth letter is a class of holder; lower case needs a label',
  rank: Rank.checked,
  when: Trigger.mixed,
  labels: ['pan', 'pan card', 'pan number', 'pan no', 'income tax', 'permanent account', 'permanent account number'],
  labelTrigger: Trigger.documentLabel,
  hits: ['pan ‹ABCPE1234F›', '"‹AAACZ1234C›"', 'pan no ‹abcpe1234f›'],
  misses: ['ABCDE1234F', 'ABCPE12345', 'XABCPE1234F', 'abcpe1234f'],
  find(scan: Scan): void {
    each(scan.text, PAN, match => {
      if (match[0] === match[0].toUpperCase() || scan.labelled(match.index))
        scan.hit(match.index, match.index + match[0].length)
    })
  }
})
