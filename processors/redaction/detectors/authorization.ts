// Authorization headers: scheme and credentials.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const SCHEME =
  /(?<![A-Za-z0-9])(bearer|basic|token|apikey|digest|negotiate|ntlm|aws4-hmac-sha256|dpop|hawk)[ \t]{1,3}["']?([A-Za-z0-9._~+/=-]{6,})/gi

export const authorization = defineDetector({
  name: 'authorization',
  family: 'secret',
  about: 'Bearer and Basic credentials, and whatever stands under an Authorization header',
  checks:
    'Basic decodes to user:password; Bearer tokens have a digit, a capital inside or 20 characters; words such as `Bearer realm=` stay',
  rank: Rank.vendor,
  when: Trigger.auth,
  labels: [
    'authorization',
    'proxy authorization',
    'auth header',
    'authorisation',
    'www authenticate',
    'x amz security token',
    'security token'
  ],
  labelTrigger: Trigger.auth,
  byKey: true,
  prefixes: ['|bearer|', '|basic|', '|negotiate|', '|dpop|'].map(word => ({ word, bits: Trigger.auth })),
  hits: [
    'Authorization: Bearer ‹abc123def456ghi›',
    'authorization: Basic ‹YWRhOmxvdmVsYWNl›',
    { key: 'http.request.header.authorization', text: 'Bearer ‹s3cr3ttoken›' },
    { key: 'http.request.header.authorization', text: '‹s3cr3ttokenwithoutscheme›' }
  ],
  misses: [
    'Bearer realm="example"',
    'the bearer authentication failed',
    'Basic training',
    'basic configuration',
    { key: 'authorization', text: 'required' }
  ],
  find(scan: Scan): void {
    let any = false
    each(scan.text, SCHEME, match => {
      const start = match.index + match[0].length - match[2]!.length
      const labelled = scan.labelled(match.index)
      if (isCredential(match[1]!.toLowerCase(), match[2]!, labelled)) {
        any = true
        scan.hit(start, start + match[2]!.length)
      }
    })
    if (!any && scan.byKey && /^\S{10,}$/.test(scan.text) && /[0-9A-Z]/.test(scan.text.slice(1)))
      scan.hit(0, scan.text.length)
    if (!any && scan.byKey && /^\S{16,}$/.test(scan.text)) scan.hit(0, scan.text.length)
  }
})

function isCredential(scheme: string, token: string, labelled: boolean): boolean {
  if (scheme === 'basic') {
    const text = Buffer.from(token, 'base64').toString('latin1')
    return /^[\x20-\x7e\x80-\xff]*:[\x20-\x7e\x80-\xff]*$/.test(text) && (labelled || /[A-Z0-9=]/.test(token))
  }
  if (/^(?:realm|charset|scope|error|authentication|authorization|token|tokens)\b/i.test(token)) return false
  if (scheme === 'bearer' || scheme === 'dpop')
    return /\d/.test(token) || /[A-Z]/.test(token.slice(1)) || token.length >= 20 || labelled
  return labelled && token.length >= 8
}
