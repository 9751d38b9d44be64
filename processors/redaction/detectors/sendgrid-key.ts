// SendGrid keys: SG.22.43

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const sendgridKey = defineDetector({
  name: 'sendgrid_key',
  family: 'secret',
  about: 'SendGrid keys: SG.22.43',
  checks: 'lengths',
  rank: Rank.vendor,
  when: Trigger.vendor,
  prefixes: ['|sg.'].map(word => ({ word, bits: Trigger.vendor })),
  hits: ['‹SG.abcdefGHIJKL0123456789.abcdefGHIJKL0123456789mnopqrstuvwxYZ0123456›'],
  misses: ['SG.short.key'],
  find: matching(/(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}/g)
})
