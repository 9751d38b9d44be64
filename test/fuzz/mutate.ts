// Seeded mutations of request bodies: small damage, so that most of the message is still read.

export type Random = () => number

/** mulberry32: small, seeded, good enough to choose places. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const INTERESTING = [0, 1, 0x0a, 0x12, 0x7f, 0x80, 0xff, 0x22, 0x5c, 0x7b, 0x5b]
const TEXTS = [
  'null',
  '""',
  '[',
  '{',
  '1e999',
  '-0',
  '"\\ud800"',
  'true',
  '18446744073709551616',
  '{"key":1}',
  '[[]]',
  '\u0000',
  '"planted@example.org"'
]
const MOST_MUTATIONS = 4
const MOST_COPIED = 2000

type Mutation = (body: Buffer, random: Random, other: Buffer) => Buffer

const at = (body: Buffer, random: Random) => Math.floor(random() * body.length)
const cutOut = (body: Buffer, from: number, to: number, instead: Buffer) =>
  Buffer.concat([body.subarray(0, from), instead, body.subarray(to)])

const ANY: readonly Mutation[] = [
  (body, random) => {
    const copy = Buffer.from(body)
    if (copy.length > 0) copy[at(copy, random)]! ^= 1 << Math.floor(random() * 8)
    return copy
  },
  (body, random) => {
    const copy = Buffer.from(body)
    if (copy.length > 0) copy[at(copy, random)] = INTERESTING[Math.floor(random() * INTERESTING.length)]!
    return copy
  },
  (body, random) => body.subarray(0, at(body, random)),
  (body, random) => {
    const from = at(body, random)
    return cutOut(body, from, Math.min(body.length, from + 1 + Math.floor(random() * 20)), Buffer.alloc(0))
  },
  (body, random) => {
    const from = at(body, random)
    const piece = body.subarray(from, from + Math.floor(random() * MOST_COPIED))
    const to = at(body, random)
    return cutOut(body, to, to, piece)
  },
  (body, random, other) => Buffer.concat([body.subarray(0, at(body, random)), other.subarray(at(other, random))])
]

const JSON_ONLY: readonly Mutation[] = [
  (body, random) => {
    const place = at(body, random)
    return cutOut(body, place, place, Buffer.from(TEXTS[Math.floor(random() * TEXTS.length)]!))
  },
  // A whole value replaced.
  (body, random) => {
    const colon = body.indexOf(0x3a, at(body, random))
    if (colon < 0) return body
    const end = Math.min(...[0x2c, 0x7d].map(c => body.indexOf(c, colon)).filter(i => i >= 0), body.length)
    return cutOut(body, colon + 1, end, Buffer.from(TEXTS[Math.floor(random() * TEXTS.length)]!))
  }
]

/** One to four mutations of `body`; `other` is another body, for splicing. */
export function mutate(body: Buffer, other: Buffer, isJson: boolean, random: Random): Buffer {
  const mutations = isJson ? [...ANY, ...JSON_ONLY, ...JSON_ONLY] : ANY
  let mutated = body
  for (let n = 1 + Math.floor(random() * MOST_MUTATIONS); n > 0; n--) {
    mutated = mutations[Math.floor(random() * mutations.length)]!(mutated, random, other)
  }
  return mutated
}
