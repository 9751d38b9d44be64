// Hugging Face tokens: hf_, api_org_

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const huggingfaceToken = defineDetector({
  name: 'huggingface_token',
  family: 'secret',
  about: 'Hugging Face tokens: hf_, api_org_',
  checks: 'length',
  rank: Rank.vendor,
  when: Trigger.vendor,
  prefixes: ['hf_', 'api_org_'].map(word => ({ word, bits: Trigger.vendor })),
  hits: ['‹hf_abcdefGHIJKLmnopqrstuvwxyzABCDEFGH›'],
  misses: ['hf_hub_download'],
  find: matching(/(?<![A-Za-z0-9])(?:hf|api_org)_[A-Za-z0-9]{30,64}(?![A-Za-z0-9_])/g)
})
