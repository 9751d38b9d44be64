// Keyed hashes of values: HMAC-SHA-256 (RFC 2104, FIPS 180-4) under a named key. The same value gives the same text on
// every replica that has the key, and nobody without it can go through all phone numbers until one fits.
//
// A digest reads `h1:<key id>:<digest>`: h1 is the format, the key id is 4 letters made from the key, the digest is the
// first 120 bits in base32 letters (RFC 4648 alphabet, lower case): no digits groups, no base64, nothing a detector takes
// for something else.
//
// Rotation: the new key signs; `previous` keys stay in the ring so that `candidates` can tell what a value was called
// under each, which is how someone looks for old data while both are in use.

import { createHash, createHmac } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { errors } from './errors.js'

const FORMAT = 'h1'
const DIGEST_BITS = 120
const CACHE_ENTRIES = 20_000
const CACHE_VALUE_MAX = 256
const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567'

/** A key, or the keys with their overlap. */
export interface KeyringOptions {
  /** Secret text of at least 16 characters. */
  readonly key: string
  /** Keys that were used before; never used for new values. */
  readonly previous?: readonly string[]
}

interface SigningKey {
  readonly id: string
  readonly secret: Buffer
}

/** Makes keyed hashes; keeps a bounded cache of them in memory, never elsewhere. */
export class Keyring {
  readonly #current: SigningKey
  readonly #previous: readonly SigningKey[]
  readonly #cache = new LRUCache<string, string>({ max: CACHE_ENTRIES })

  constructor(options: KeyringOptions) {
    this.#current = signingKey(options.key, 'is too short')
    this.#previous = (options.previous ?? []).map(key => signingKey(key, 'in `previous_keys` is too short'))
  }

  /** Id of the key in use. */
  get keyId(): string {
    return this.#current.id
  }

  /** `h1:<key id>:<digest>` of a value. `scope` separates values of different meaning or tenant. */
  digest(value: string, scope = ''): string {
    if (value.length > CACHE_VALUE_MAX) return sign(this.#current, value, scope)
    const name = scope === '' ? value : `${scope}\u0000${value}`
    const known = this.#cache.get(name)
    if (known !== undefined) return known
    const made = sign(this.#current, value, scope)
    this.#cache.set(name, made)
    return made
  }

  /** The digests of a value under the current and all previous keys, newest first. */
  candidates(value: string, scope = ''): string[] {
    return [this.#current, ...this.#previous].map(key => sign(key, value, scope))
  }
}

function signingKey(key: string, complaint: string): SigningKey {
  if (key.length < 16) throw errors.PRIVACY_BAD_KEY(complaint)
  const secret = Buffer.from(key, 'utf8')
  const id = letters(createHash('sha256').update('key id\u0000').update(secret).digest(), 4)
  return { id, secret }
}

function sign(key: SigningKey, value: string, scope: string): string {
  const hmac = createHmac('sha256', key.secret)
  if (scope !== '') hmac.update(`${scope}\u0000`)
  return `${FORMAT}:${key.id}:${letters(hmac.update(value).digest(), DIGEST_BITS / 5)}`
}

/** The first `count` base32 letters of some bytes. */
function letters(bytes: Buffer, count: number): string {
  let text = ''
  let held = 0
  let bits = 0
  for (let i = 0; text.length < count; i++) {
    held = ((held << 8) | bytes[i]!) & 0xffff
    bits += 8
    while (bits >= 5 && text.length < count) {
      bits -= 5
      text += LETTERS[(held >> bits) & 31]
    }
  }
  return text
}
