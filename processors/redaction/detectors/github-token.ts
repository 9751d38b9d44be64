// GitHub tokens: ghp_, gho_, ghu_, ghs_, ghr_, github_pat_

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const githubToken = defineDetector({
  name: 'github_token',
  family: 'secret',
  about: 'GitHub tokens: ghp_, gho_, ghu_, ghs_, ghr_, github_pat_',
  checks: 'length; the CRC32 is not asked, so that a mistyped token is hidden too',
  rank: Rank.vendor,
  when: Trigger.vendor,
  prefixes: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'].map(word => ({ word, bits: Trigger.vendor })),
  hits: [
    'token ‹ghp_abcdefghijABCDEFGHIJ0123456789abcdEF›',
    '"‹github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklm›"'
  ],
  misses: ['ghp_short', 'ghs_interval_ms'],
  find: matching(/(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{30,255})/g)
})
