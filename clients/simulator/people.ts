// Invented people and secrets, and the count of what was planted where. Nothing here belongs to anybody: domains are
// reserved ones (RFC 2606), numbers only have the right check digits. Secrets are put together at run time.

import { ALNUM, type Random } from './random.js'

/** Kinds that are planted, named as the gateway's detectors are. */
export type Kind =
  | 'email'
  | 'credit_card'
  | 'us_ssn'
  | 'iban'
  | 'phone'
  | 'github_token'
  | 'stripe_key'
  | 'jwt'
  | 'ip_address'

export interface Person {
  readonly userId: string
  readonly sessionId: string
  readonly email: string
  readonly card: string
  readonly ssn: string
  readonly iban: string
  readonly phone: string
  readonly address: string
}

/** Values kept for a check that none comes out; more are only counted. */
const MAX_VALUES = 50_000

const FIRST = [
  'ada',
  'alan',
  'grace',
  'edsger',
  'barbara',
  'donald',
  'frances',
  'john',
  'karen',
  'leslie',
  'radia',
  'tony'
]
const LAST = [
  'archer',
  'baker',
  'carter',
  'dyer',
  'fisher',
  'glover',
  'hayward',
  'mason',
  'parker',
  'sawyer',
  'thatcher'
]
const DOMAINS = ['example.com', 'example.org', 'example.net', 'mail.example.com']

/** One value that stands in an item. */
export interface Plant {
  readonly kind: Kind
  readonly value: string
}

/** What was put into the telemetry, by kind: how often, and the values themselves. */
export class Planted {
  readonly counts = new Map<Kind, number>()
  readonly values = new Set<string>()

  note(all: readonly Plant[]): void {
    for (const { kind, value } of all) {
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
      if (this.values.size < MAX_VALUES) this.values.add(value)
    }
  }
}

export function person(random: Random): Person {
  const digits = random.digits(4)
  return {
    userId: `u-${random.digits(6)}`,
    sessionId: `s-${random.chars(ALNUM, 20)}`,
    email: `${random.pick(FIRST)}.${random.pick(LAST)}${digits}@${random.pick(DOMAINS)}`,
    card: card(random),
    ssn: `${random.int(100, 665)}-${random.int(10, 99)}-${random.int(1000, 9999)}`,
    iban: iban(random),
    phone: `+1 212 ${random.int(200, 999)} ${random.int(1000, 9999)}`,
    address: `198.51.100.${random.int(1, 254)}`
  }
}

/** A secret that a careless program writes into its telemetry. */
export function secret(random: Random): Plant {
  const kind = random.pick(['github_token', 'stripe_key', 'jwt'] as const)
  if (kind === 'github_token') return { kind, value: `gh${'p'}_${random.chars(ALNUM, 36)}` }
  if (kind === 'stripe_key') return { kind, value: `sk${'_live_'}${random.chars(ALNUM, 24)}` }
  const part = (object: object) => Buffer.from(JSON.stringify(object)).toString('base64url')
  const claims = { sub: `u-${random.digits(6)}`, iat: 1_700_000_000 + random.int(0, 1e6) }
  const head = part({ alg: 'HS256', typ: 'JWT' })
  return { kind, value: `${head}.${part(claims)}.${random.bytes(32).toString('base64url')}` }
}

/** A Visa number in groups of four, with its Luhn digit. */
function card(random: Random): string {
  const body = `4${random.digits(14)}`
  let sum = 0
  for (let i = 0; i < body.length; i++) {
    const doubled = Number(body[i]) * (i % 2 === 0 ? 2 : 1)
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return `${body}${(10 - (sum % 10)) % 10}`.replace(/(\d{4})(?=\d)/g, '$1 ')
}

/** A German IBAN, with its check digits (ISO 13616: mod 97 of the number turned around, letters as numbers). */
function iban(random: Random): string {
  const account = random.digits(18)
  // D = 13, E = 14.
  const check = 98n - (BigInt(`${account}131400`) % 97n)
  return `DE${String(check).padStart(2, '0')}${account}`
}
