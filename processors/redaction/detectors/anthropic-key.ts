// Anthropic keys: sk-ant-

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const anthropicKey = defineDetector({
  name: 'anthropic_key',
  family: 'secret',
  about: 'Anthropic keys: sk-ant-',
  checks: 'length',
  rank: Rank.vendor,
  when: Trigger.vendor,
  prefixes: ['sk-ant-'].map(word => ({ word, bits: Trigger.vendor })),
  hits: ['‹sk-ant-api03-abcdefGHIJKL0123456789mn-op_qr›'],
  misses: ['sk-ant-hill'],
  find: matching(/(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{16,255}/g)
})
