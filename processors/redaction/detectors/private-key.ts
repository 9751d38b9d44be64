// PEM private keys: the whole block, also with escaped newlines, also cut off.

import { defineDetector, Rank } from '../detector.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g
const BODY = /(?:[A-Za-z0-9+/=\s\\:,.-]|Proc-Type|DEK-Info)*/y

export const privateKey = defineDetector({
  name: 'private_key',
  family: 'secret',
  about: 'PEM private key from BEGIN to END, with real or escaped newlines; a cut-off block to its end',
  checks: 'the BEGIN line names a private key',
  rank: Rank.vendor,
  when: Trigger.pem,
  prefixes: [{ word: '--begin', bits: Trigger.pem }],
  hits: [
    'k=‹-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAbCd==\n-----END RSA PRIVATE KEY-----›;',
    '"‹-----BEGIN PRIVATE KEY-----\\nMIIEvQ\\n-----END PRIVATE KEY-----›"',
    '‹-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE›'
  ],
  misses: [
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
    '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----'
  ],
  find(scan: Scan): void {
    const text = scan.text
    BEGIN.lastIndex = 0
    for (let match = BEGIN.exec(text); match !== null; match = BEGIN.exec(text)) {
      const end = blockEnd(text, match.index + match[0].length)
      scan.hit(match.index, end)
      BEGIN.lastIndex = end
    }
  }
})

/** Behind the END line; without one, behind the last character that can belong to a key. */
function blockEnd(text: string, from: number): number {
  const end = text.indexOf('-----END', from)
  if (end >= 0) {
    const close = text.indexOf('-----', end + 8)
    return close < 0 ? text.length : close + 5
  }
  BODY.lastIndex = from
  BODY.exec(text)
  return Math.max(from, BODY.lastIndex)
}
