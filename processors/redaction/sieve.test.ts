// The walk with a sieve in front of it must do what it does without: the sieve only spares looks.

import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { SIGNALS } from '../../core/otlp/signal.js'
import { MalformedError, Walker } from '../../core/otlp/walk.js'
import { mutate, seeded } from '../../test/fuzz/mutate.js'
import { anyText, requests } from '../../test/helpers/otlp-arbitraries.js'
import { futureOracle } from '../../test/helpers/otlp-oracle.js'
import hashing from '../hashing/index.js'
import { DETECTORS } from './detectors/index.js'
import redaction from './index.js'

const NO_SIEVE = 0x7fffffff
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const EXAMPLES = DETECTORS.flatMap(detector => [...detector.hits, ...detector.misses]).map(example =>
  (typeof example === 'string' ? example : example.text).replace(/[‹›]/g, '')
)
const telling = fc.oneof(
  anyText,
  fc.constantFrom(...EXAMPLES),
  fc.tuple(fc.constantFrom(...EXAMPLES), anyText).map(([a, b]) => `${b} ${a}`),
  fc.uuid(),
  fc.webUrl({ withQueryParameters: true })
)
const any = fc.oneof(
  ...SIGNALS.flatMap(signal =>
    [{ text: telling }, { text: telling, future: true }].map(options =>
      requests(signal, options).map(plain => [signal, plain] as const)
    )
  )
)

function walkers(signal: 'traces' | 'metrics' | 'logs', config: object, sieveFrom: number) {
  const counted: string[] = []
  const counter = (name: string) => (n: number, label?: string) => void counted.push(`${name} ${label ?? ''} ${n}`)
  const count = new Proxy({}, { get: (_, name) => counter(String(name)) }) as never
  const context = { id: 'test', log: silent, clock: { now: () => 0, after: () => ({ cancel() {} }) }, count }
  const processors = [
    hashing.create(
      configOf(hashing.schema, { hash_fields: ['user_id', 'service.name'], key: 'k'.repeat(20) }),
      context
    ),
    redaction.create(configOf(redaction.schema, config), context)
  ]
  const report = { dropped() {}, failed: (_: unknown, error: unknown) => t.fail(String(error)) }
  return { walker: new Walker(signal, processors, report, sieveFrom), counted }
}

/** What a walk does with bytes, in one comparable piece. */
function outcome({ walker, counted }: ReturnType<typeof walkers>, bytes: Buffer): unknown {
  counted.length = 0
  try {
    const { bytes: out, ...rest } = walker.walk(Buffer.from(bytes))
    return { ...rest, out: out.toString('hex'), counted: [...counted] }
  } catch (error) {
    if (error instanceof MalformedError) return error.message
    throw error
  }
}

const CONFIGS = {
  'every detector': {},
  'patterns alone': {
    detectors: { all: 'off' },
    blocked_values: [
      '\\b4[0-9]{12}(?:[0-9]{3})?\\b',
      '[a-z]+@[a-z]+\\.[a-z]{2,}',
      '\\b(?:[0-9]{1,3}\\.){3}[0-9]{1,3}\\b',
      'é+'
    ]
  },
  'patterns and detectors': { patterns: [{ name: 'staff', pattern: 'EMP-([0-9]{6})', group: 1 }] },
  'names in prose': { detectors: { all: 'off', names: 'redact' } },
  'fields and ignored keys': { redact_fields: ['user.email', 'http.*'], ignored_keys: ['db.query.text'] }
}

for (const [name, config] of Object.entries(CONFIGS)) {
  t.test(`with ${name}, requests come out the same with and without the sieve`, async t => {
    const pairs = new Map(
      (['traces', 'metrics', 'logs'] as const).map(signal => [
        signal,
        [walkers(signal, config, 0), walkers(signal, config, NO_SIEVE)] as const
      ])
    )
    fc.assert(
      fc.property(any, fc.nat(), fc.nat(3), ([signal, plain], seed, damage) => {
        const [sieved, full] = pairs.get(signal)!
        const random = seeded(seed)
        let bytes = futureOracle.encodeRequest(signal, plain)
        if (bytes.length > 0 && damage === 0) bytes = mutate(bytes, bytes, false, random)
        // Twice: at first every key is new, later it is the sieve's to judge.
        for (let again = 0; again < 2; again++) assert.deepEqual(outcome(sieved, bytes), outcome(full, bytes))
      }),
      { numRuns: 300 }
    )
    t.pass()
  })
}
