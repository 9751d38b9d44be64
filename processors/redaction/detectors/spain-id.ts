// Spain: DNI and NIE.

import { defineDetector, Rank } from '../detector.js'
import { spanishLetter } from '../scan/checksums.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const DNI = /(?<![A-Za-z0-9.])(\d{8}|\d{2}\.\d{3}\.\d{3}|\d{2} \d{3} \d{3})[ .-]?([A-Za-z])(?![A-Za-z0-9])/g
const NIE = /(?<![A-Za-z0-9])([XYZxyz])[ .-]?(\d{7}|\d\.\d{3}\.\d{3})[ .-]?([A-Za-z])(?![A-Za-z0-9])/g

export const spainId = defineDetector({
  name: 'spain_id',
  family: 'identity',
  about: 'Spanish DNI (8 digits and a letter) and NIE (X, Y or Z, 7 digits, a letter)',
  checks: 'the mod-23 letter',
  rank: Rank.checked,
  when: Trigger.mixed,
  labels: ['dni', 'nif', 'nie'],
  labelTrigger: Trigger.numberLabel,
  hits: ['dni ‹12345678Z›', '‹12.345.678-Z›', 'NIE: ‹X1234567L›', '‹12345678-z›', '‹Y-7654321-G›'],
  misses: ['flow-worker-41442536d-fkwvt', '12345678A', 'X1234567A', '112345678Z', '12345678Zx'],
  find(scan: Scan): void {
    each(scan.text, DNI, match => {
      // `worker-41442536d-x7`: a piece of a name.
      const isPiece = scan.text[match.index - 1] === '-' && /[a-z]/.test(match[2]!)
      if (isPiece && !scan.labelled(match.index)) return
      if (spanishLetter(match[1]!.replace(/\D/g, '')) === match[2]!.toUpperCase())
        scan.hit(match.index, match.index + match[0].length)
    })
    each(scan.text, NIE, match => {
      const first = 'XYZ'.indexOf(match[1]!.toUpperCase())
      const digits = first + match[2]!.replace(/\D/g, '')
      if (spanishLetter(digits) === match[3]!.toUpperCase()) scan.hit(match.index, match.index + match[0].length)
    })
  }
})
