// OpenAI keys: sk-, sk-proj-, sk-svcacct-, sk-admin-

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const openaiKey = defineDetector({
  name: 'openai_key',
  family: 'secret',
  about: 'OpenAI keys: sk-, sk-proj-, sk-svcacct-, sk-admin-',
  checks: 'length and a digit or capital',
  rank: Rank.vendor,
  when: Trigger.vendor,
  prefixes: ['|sk-'].map(word => ({ word, bits: Trigger.vendor })),
  hits: ['‹sk-abcdefGHIJKL0123456789mnopqrstuvwx›', '‹sk-proj-abcdefGHIJKL0123456789_-mnop›'],
  misses: ['task-scheduler-configuration-loader', 'sk-learn-model-selection-and-more'],
  find: matching(
    /(?<![A-Za-z0-9])sk-(?!ant-)(?:proj-|svcacct-|admin-|None-)?(?=[A-Za-z0-9_-]{0,40}[A-Z0-9])[A-Za-z0-9_-]{20,255}/g
  )
})
