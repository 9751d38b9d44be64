// PyPI upload tokens: pypi-AgE

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const pypiToken = defineDetector({
  name: 'pypi_token',
  family: 'secret',
  about: 'PyPI upload tokens: pypi-AgE',
  checks: 'prefix and length',
  rank: Rank.vendor,
  when: Trigger.vendor,
  prefixes: ['pypi-ag'].map(word => ({ word, bits: Trigger.vendor })),
  hits: ['‹pypi-AgEIcHlwaS5vcmcCJDEyMzQ1Njc4LTEyMzQtMTIzNC0xMjM0›'],
  misses: ['pypi-agent'],
  find: matching(/(?<![A-Za-z0-9])pypi-Ag[A-Za-z0-9_-]{30,1024}/g)
})
