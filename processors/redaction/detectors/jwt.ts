// JSON Web Tokens, signed or encrypted.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const TOKEN = /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){0,3}/g

export const jwt = defineDetector({
  name: 'jwt',
  family: 'secret',
  about: 'JSON Web Token: header.payload.signature, also cut off',
  checks: 'the header decodes to a JSON object',
  rank: Rank.vendor,
  when: Trigger.jwt,
  prefixes: [{ word: 'eyj', bits: Trigger.jwt }],
  hits: ['t=‹eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLWJ5dGVz›', '‹eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.›'],
  misses: ['eyJabc.def', 'keyJoin.method.call'],
  find(scan: Scan): void {
    each(scan.text, TOKEN, match => {
      const header = Buffer.from(match[0].slice(0, match[0].indexOf('.')), 'base64url').toString('latin1')
      if (header.startsWith('{"') || header.startsWith('{ "')) scan.hit(match.index, match.index + match[0].length)
    })
  }
})
