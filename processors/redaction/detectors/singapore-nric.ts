// Singapore: NRIC and FIN.

import { defineDetector, Rank } from '../detector.js'
import { singaporeNric as isValid } from '../scan/checksums.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const NRIC = /(?<![A-Za-z0-9])[STFGM]\d{7}[A-Z](?![A-Za-z0-9])/gi

export const singaporeNric = defineDetector({
  name: 'singapore_nric',
  family: 'identity',
  about: 'Singapore NRIC and FIN: a letter, seven digits, a letter',
  checks: 'the check letter; lower case needs a label',
  rank: Rank.checked,
  when: Trigger.mixed,
  labels: ['nric', 'fin', 'nric fin', 'nric no', 'fin number'],
  labelTrigger: Trigger.numberLabel,
  hits: ['nric ‹S1234567D›', '"‹F1234567N›"', '‹T0123456G›', 'nric: ‹s1234567d›'],
  misses: ['S1234567A', 'XS1234567D', 's1234567d'],
  find(scan: Scan): void {
    each(scan.text, NRIC, match => {
      if (!isValid(match[0].toUpperCase())) return
      if (match[0] === match[0].toUpperCase() || scan.labelled(match.index))
        scan.hit(match.index, match.index + match[0].length)
    })
  }
})
