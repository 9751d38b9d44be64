// API keys of senders: several at once, kept only as SHA-256, compared in constant time, each with its own span of time.

import { createHash, timingSafeEqual } from 'node:crypto'
import Type, { type Static } from 'typebox'
import type { Problem } from '../../../../core/component/declaration.js'
import { secret } from '../../../../core/config/fields.js'

const time = (description: string) => Type.Optional(Type.String({ description, examples: ['2027-01-31T00:00:00Z'] }))

export const authSchema = Type.Object(
  {
    keys: Type.Array(
      Type.Object(
        {
          name: Type.String({ minLength: 1, description: 'Name of the key in metrics and logs. Not secret.' }),
          key: Type.Optional(secret({ description: 'The key itself, best as an environment variable.' })),
          sha256: Type.Optional(
            Type.String({
              pattern: '^[0-9a-fA-F]{64}$',
              description: 'Or its SHA-256 in hex: the file then holds no secret.'
            })
          ),
          not_before: time('The key is refused before this time.'),
          expires: time('The key is refused from this time on.')
        },
        { additionalProperties: false }
      ),
      { description: 'Keys that are accepted; any one will do. Rotate by listing the old and the new one.' }
    ),
    header: Type.String({
      default: 'x-api-key',
      description: 'Header (metadata key) besides `authorization: Bearer KEY` that may carry the key. Lower case.'
    })
  },
  { additionalProperties: false }
)

export type AuthConfig = Static<typeof authSchema>

/** Cross-field problems of an `auth` block; paths are relative to it. Pure. */
export function authProblems(config: AuthConfig): Problem[] {
  const problems: Problem[] = []
  if (config.keys.length === 0)
    problems.push({ path: 'keys', says: 'lists no key: nobody could send. Remove auth or add a key' })
  const names = new Set<string>()
  for (const [i, key] of config.keys.entries()) {
    const path = `keys[${i}]`
    if ((key.key === undefined) === (key.sha256 === undefined))
      problems.push({ path, says: 'needs exactly one of key and sha256' })
    if (key.key?.isEmpty) problems.push({ path: `${path}.key`, says: 'is empty' })
    if (names.has(key.name)) problems.push({ path: `${path}.name`, says: 'is used twice' })
    names.add(key.name)
    for (const at of ['not_before', 'expires'] as const) {
      if (key[at] !== undefined && Number.isNaN(Date.parse(key[at])))
        problems.push({ path: `${path}.${at}`, says: 'is not a time such as 2027-01-31T00:00:00Z' })
    }
  }
  return problems
}

interface Key {
  readonly name: string
  readonly hash: Buffer
  readonly notBefore: number
  readonly expires: number
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** Decides who may send. Without an `auth` block everybody may. */
export class Authenticator {
  readonly #keys: readonly Key[]
  readonly #header: string
  readonly #now: () => number

  constructor(config: AuthConfig, now: () => number) {
    this.#keys = config.keys.map(key => ({
      name: key.name,
      hash: key.sha256 === undefined ? sha256(key.key?.reveal() ?? '') : Buffer.from(key.sha256, 'hex'),
      notBefore: key.not_before === undefined ? Number.NEGATIVE_INFINITY : Date.parse(key.not_before),
      expires: key.expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(key.expires)
    }))
    this.#header = config.header.toLowerCase()
    this.#now = now
  }

  /** Name of the key the headers carry, or undefined when none is valid now. */
  check(headers: Headers): string | undefined {
    const presented = bearer(headers['authorization']) ?? headers[this.#header]
    if (typeof presented !== 'string' || presented === '') return undefined
    const hash = sha256(presented)
    const now = this.#now()
    let name: string | undefined
    // Every key is looked at, also after a match: the time says nothing about which one it was.
    for (const key of this.#keys) {
      if (timingSafeEqual(hash, key.hash) && key.notBefore <= now && now < key.expires) name = key.name
    }
    return name
  }
}

function bearer(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string') return undefined
  return /^bearer +(\S+) *$/i.exec(header)?.[1]
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
