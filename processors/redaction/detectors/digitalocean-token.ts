// DigitalOcean tokens: dop_v1_, doo_v1_, dor_v1_

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const digitaloceanToken = defineDetector({
  name: 'digitalocean_token',
  family: 'secret',
  about: 'DigitalOcean tokens: dop_v1_, doo_v1_, dor_v1_',
  checks: '64 hexadecimal digits',
  rank: Rank.vendor,
  when: Trigger.vendor,
  prefixes: ['dop_v', 'doo_v', 'dor_v'].map(word => ({ word, bits: Trigger.vendor })),
  hits: ['‹dop_v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef›'],
  misses: ['dop_v1_'],
  find: matching(/(?<![A-Za-z0-9])do[opr]_v1_[a-f0-9]{40,64}/g)
})
