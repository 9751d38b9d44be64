// France: numéro d'inscription au répertoire (social security).

import { defineDetector, Rank } from '../detector.js'
import { frenchNir } from '../scan/checksums.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const NIR =
  /(?<![A-Za-z0-9])[1-478][ .-]?\d{2}[ .-]?(?:0[1-9]|1[0-2]|[2-4]\d|[5-9]\d)[ .-]?(?:\d{2}|2[ABab])[ .-]?\d{3}[ .-]?\d{3}[ .-]?\d{2}(?![A-Za-z0-9])/g

export const franceNir = defineDetector({
  name: 'france_nir',
  family: 'identity',
  about: 'French social security number: 13 characters and a key of two digits, also spaced',
  checks: 'key = 97 - number mod 97; departments 2A and 2B; bare digits not under an id or time key',
  rank: Rank.checked,
  when: Trigger.digits | Trigger.mixed,
  labels: [
    'nir',
    'secu',
    'securite sociale',
    'sécurité sociale',
    'numero secu',
    'numéro sécu',
    'insee',
    'num secu',
    'social security fr'
  ],
  labelTrigger: Trigger.numberLabel,
  hits: ['secu ‹255081416802538›', '‹2 55 08 14 168 025 38›', 'nir=‹1 85 05 2A 004 068 14›'],
  misses: ['255081416802539', 'order id 255081416802538'],
  find(scan: Scan): void {
    each(scan.text, NIR, match => {
      const bare = match[0].replace(/[ .-]/g, '').toUpperCase()
      if (!frenchNir(bare)) return
      if (bare.length === match[0].length && scan.denied(match.index)) return
      scan.hit(match.index, match.index + match[0].length)
    })
  }
})
