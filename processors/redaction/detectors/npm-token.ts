// npm access tokens: npm_

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const npmToken = defineDetector({
  name: 'npm_token',
  family: 'secret',
  about: 'npm access tokens: npm_',
  checks: 'length',
  rank: Rank.vendor,
  when: Trigger.vendor,
  prefixes: ['npm_'].map(word => ({ word, bits: Trigger.vendor })),
  hits: ['//registry/:_auth=‹npm_abcdefghijABCDEFGHIJ0123456789abcdEF›'],
  misses: ['npm_config_registry', 'npm_package_version'],
  find: matching(/(?<![A-Za-z0-9])npm_[A-Za-z0-9]{30,64}(?![A-Za-z0-9_])/g)
})
