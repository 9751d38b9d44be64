// GitLab tokens: glpat-, glptt-, gldt-, glrt-, glsoat-, glcbt-

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const gitlabToken = defineDetector({
  name: 'gitlab_token',
  family: 'secret',
  about: 'GitLab tokens: glpat-, glptt-, gldt-, glrt-, glsoat-, glcbt-',
  checks: 'length',
  rank: Rank.vendor,
  when: Trigger.vendor,
  prefixes: ['glpat-', 'glptt-', 'gldt-', 'glrt-', 'glsoat-', 'glcbt-', 'glagent-', 'glft-', 'glimt-'].map(word => ({
    word,
    bits: Trigger.vendor
  })),
  hits: ['‹glpat-abcDEF1234567890wxyz›'],
  misses: ['glpat-short'],
  find: matching(/(?<![A-Za-z0-9])gl(?:pat|ptt|dt|rt|soat|cbt|agent|ft|imt)-[A-Za-z0-9_-]{16,255}/g)
})
