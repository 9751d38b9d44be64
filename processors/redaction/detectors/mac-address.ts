// Hardware (MAC) addresses.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const COLONS =
  /(?<![A-Za-z0-9]|(?<![A-Za-z0-9])[0-9A-Fa-f]{2}[:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![A-Za-z0-9]|[:-][A-Za-z0-9])/g
const DOTS = /(?<![A-Za-z0-9.])[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?![A-Za-z0-9]|\.[A-Za-z0-9])/g

export const macAddress = defineDetector({
  name: 'mac_address',
  family: 'network',
  about: 'MAC address with colons or dashes, or in Cisco dotted form',
  checks: 'exactly six pairs (three groups of four); not all zeros, not broadcast',
  rank: Rank.checked,
  when: Trigger.colons,
  labelTrigger: Trigger.numberLabel,
  labels: ['mac', 'mac address', 'mac addr', 'macaddr', 'hw addr', 'hwaddr', 'hardware address', 'ether', 'bssid'],
  hits: [
    'dev ‹00:1A:2B:3C:4D:5E› up',
    '‹00-1a-2b-3c-4d-5e›',
    '(‹001a.2b3c.4d5e›)',
    'mac=‹3c:22:fb:00:00:01›',
    'port of ‹4246.2365.8547› is up'
  ],
  misses: [
    '00:00:00:00:00:00',
    'ff:ff:ff:ff:ff:ff',
    'sha 00:1A:2B:3C:4D:5E:6F:70',
    '10:20:30',
    '0000.0000.0000',
    '1234.5678.9012.3456',
    '2024-01-31-10-20-30'
  ],
  find(scan: Scan): void {
    each(scan.text, COLONS, match => {
      if (!/^(?:0|f|[:-])+$/i.test(match[0])) scan.hit(match.index, match.index + match[0].length)
    })
    each(scan.text, DOTS, match => {
      if (!/^(?:0|f|\.)+$/i.test(match[0])) scan.hit(match.index, match.index + match[0].length)
    })
  }
})
