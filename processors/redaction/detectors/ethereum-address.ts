// Ethereum addresses.

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const ethereumAddress = defineDetector({
  name: 'ethereum_address',
  family: 'financial',
  about: 'Ethereum address, 0x and 40 hexadecimal digits',
  checks: 'exact length; not all one digit',
  rank: Rank.checked,
  when: Trigger.vendor,
  prefixes: [{ word: '|0x', bits: Trigger.vendor }],
  hits: ['to ‹0x52908400098527886E0F7030069857D2E4169EE7›', '"‹0xde709f2102306220921060314715629080e2fb77›"'],
  misses: [
    '0x52908400098527886E0F7030069857D2E4169EE',
    '0xde709f2102306220921060314715629080e2fb77aa',
    '0x0000000000000000000000000000000000000000',
    '0xdeadbeef'
  ],
  find: matching(/(?<![A-Za-z0-9])0x(?!0{40}|f{40})[0-9a-fA-F]{40}(?![A-Za-z0-9])/gi)
})
