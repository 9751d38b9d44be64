// Germany: Steuer-Identifikationsnummer.

import { defineDetector, Rank } from '../detector.js'
import { germanTaxId } from '../scan/checksums.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

export const germanyTaxId = defineDetector({
  name: 'germany_tax_id',
  family: 'identity',
  about: 'German tax id, 11 digits, 2-3-3-3; bare digits with a label',
  checks: 'ISO 7064 mod 11,10 and the rule on repeated digits',
  rank: Rank.checked,
  when: Trigger.digits,
  labels: [
    'steuer',
    'steuer id',
    'steuerid',
    'steueridentifikationsnummer',
    'steuer identifikationsnummer',
    'identifikationsnummer',
    'steuer identifikations nummer',
    'steuer nr',
    'steuernummer',
    'idnr',
    'id nr',
    'id nummer',
    'tax id',
    'taxid',
    'tax number',
    'tax identification',
    'tax identification number',
    'steuerliche identifikationsnummer',
    'tin',
    'steueridnummer',
    'steuer idnr'
  ],
  labelTrigger: Trigger.numberLabel,
  hits: ['‹86 095 742 719›', 'steuer id ‹86095742719›', { key: 'tax_id', text: '‹86095742719›' }],
  misses: ['86 095 742 718', '86095742719', 'took 86 095 742 710 ns'],
  find(scan: Scan): void {
    scan.windows(11, ({ digits, shape, start, end, partial }) => {
      if (digits.length !== 11 || !germanTaxId(digits)) return
      if (scan.labelled(start) || (shape === '2-3-3-3' && !partial && !scan.deniedByText(start))) scan.hit(start, end)
    })
  }
})
