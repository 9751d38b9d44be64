// Bitcoin addresses: base58check (1..., 3...) and bech32 / bech32m (bc1...).

import { createHash } from 'node:crypto'
import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const BASE58 = /(?<![A-Za-z0-9])[13][1-9A-HJ-NP-Za-km-z]{25,34}(?![A-Za-z0-9])/g
const BECH32 = /(?<![A-Za-z0-9])(?:bc|tb)1[02-9ac-hj-np-z]{11,87}(?![A-Za-z0-9])/gi
const LETTERS58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const LETTERS32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

export const bitcoinAddress = defineDetector({
  name: 'bitcoin_address',
  family: 'financial',
  about: 'Bitcoin address, base58 or bech32',
  checks: 'base58check (double SHA-256) or the bech32 polynomial',
  rank: Rank.checked,
  when: Trigger.token | Trigger.vendor,
  prefixes: [
    { word: 'bc1q', bits: Trigger.vendor },
    { word: 'bc1p', bits: Trigger.vendor },
    { word: 'tb1q', bits: Trigger.vendor },
    { word: 'tb1p', bits: Trigger.vendor }
  ],
  hits: [
    'pay ‹1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa›',
    '‹bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4›',
    '(‹3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy›)'
  ],
  misses: [
    '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb',
    'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5',
    '1234567890123456789012345678'
  ],
  find(scan: Scan): void {
    each(scan.text, BASE58, match => {
      if (isBase58Check(match[0])) scan.hit(match.index, match.index + match[0].length)
    })
    each(scan.text, BECH32, match => {
      if (isBech32(match[0].toLowerCase())) scan.hit(match.index, match.index + match[0].length)
    })
  }
})

function isBase58Check(text: string): boolean {
  let number = 0n
  for (const c of text) number = number * 58n + BigInt(LETTERS58.indexOf(c))
  const bytes = Buffer.from(number.toString(16).padStart(50, '0'), 'hex')
  if (bytes.length !== 25) return false
  const sha = (data: Buffer): Buffer => createHash('sha256').update(data).digest()
  return sha(sha(bytes.subarray(0, 21)))
    .subarray(0, 4)
    .equals(bytes.subarray(21))
}

/** BIP 173 (constant 1) and BIP 350 (0x2bc830a3). */
function isBech32(text: string): boolean {
  const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
  let sum = 1
  const feed = (value: number): void => {
    const top = sum >>> 25
    sum = ((sum & 0x1ffffff) << 5) ^ value
    for (let i = 0; i < 5; i++) if ((top >> i) & 1) sum ^= generator[i]!
  }
  const head = text.slice(0, 2)
  for (const c of head) feed(c.charCodeAt(0) >> 5)
  feed(0)
  for (const c of head) feed(c.charCodeAt(0) & 31)
  for (const c of text.slice(3)) feed(LETTERS32.indexOf(c))
  return sum === 1 || sum === 0x2bc830a3
}
