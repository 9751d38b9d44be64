// Keyed hashes over whole requests, and the keyring behind them.

import { createHmac } from 'node:crypto'
import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { Walker } from '../../core/otlp/walk.js'
import { Keyring } from '../../core/privacy/keyring.js'
import hashing from './index.js'

const KEY = 'first key of the test'
const NEXT = 'second key of the test'
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const DIGEST = /h1:[a-z2-7]{4}:[a-z2-7]{24}/

function field(number: number, content: Buffer | string): Buffer {
  const body = Buffer.from(content)
  return Buffer.concat([Buffer.of((number << 3) | 2, body.length), body])
}

/** A request of one span with one attribute. */
function request(key: string, any: Buffer): Buffer {
  const span = Buffer.concat([
    field(1, Buffer.alloc(16, 1)),
    field(2, Buffer.alloc(8, 1)),
    field(9, Buffer.concat([field(1, key), field(2, any)]))
  ])
  return field(1, field(2, field(2, span)))
}

function run(bytes: Buffer, config: object, installationKey?: string): string {
  const clock = { now: () => 0, after: () => ({ cancel() {} }) }
  const context = { id: 'hashing', log: silent, clock, count: { hashed() {} } }
  const own = installationKey === undefined ? context : { ...context, installationKey }
  const processor = hashing.create(configOf(hashing.schema, config), own)
  const walker = new Walker('traces', [processor], { dropped() {}, failed: (_, error) => t.fail(String(error)) })
  return walker.walk(bytes).bytes.toString('latin1')
}

t.test('the values of the fields become keyed hashes, others stay', async t => {
  const config = { hash_fields: ['user_id'], key: KEY }
  const out = run(request('user.id', field(1, 'u-1')), config)
  t.match(out, DIGEST)
  t.notMatch(out, 'u-1')
  t.match(run(request('user.name', field(1, 'u-1')), config), 'u-1')
})

t.test('numbers are hashed like their text, nested pairs by their path', async t => {
  const config = { hash_fields: ['user_id'], key: KEY }
  const text = DIGEST.exec(run(request('user_id', field(1, '42')), config))![0]
  t.match(run(request('user_id', Buffer.of(0x18, 42)), config), text)
  const pair = Buffer.concat([field(1, 'id'), field(2, field(1, '42'))])
  t.match(run(request('user', field(6, field(1, pair))), config), text)
})

t.test('replicas with the same key agree; another key gives another hash and another key id', async t => {
  const [a, b, c] = [new Keyring({ key: KEY }), new Keyring({ key: KEY }), new Keyring({ key: NEXT })]
  t.equal(a.digest('x'), b.digest('x'))
  t.not(a.digest('x'), c.digest('x'))
  t.not(a.keyId, c.keyId)
  t.not(a.digest('x'), a.digest('y'))
  t.equal(a.digest('x'), a.digest('x'), 'also from the cache')
})

t.test('the digest is the head of an HMAC-SHA-256 in base32', async t => {
  const bits = [...createHmac('sha256', KEY).update('x').digest()].map(b => b.toString(2).padStart(8, '0')).join('')
  const letters = bits
    .slice(0, 120)
    .match(/.{5}/g)!
    .map(five => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(five, 2)])
  t.equal(new Keyring({ key: KEY }).digest('x').split(':')[2], letters.join(''))
})

t.test('after a rotation new values are signed by the new key and the old names can still be worked out', async t => {
  const before = new Keyring({ key: KEY })
  const after = new Keyring({ key: NEXT, previous: [KEY] })
  t.equal(after.digest('x').split(':')[1], after.keyId)
  t.same(after.candidates('x'), [after.digest('x'), before.digest('x')])
})

t.test('without a key the one of the installation is used, and without that it does not start', async t => {
  const config = { hash_fields: ['user_id'] }
  t.match(run(request('user_id', field(1, 'u')), config, 'the key of this installation'), DIGEST)
  t.throws(() => run(request('user_id', field(1, 'u')), config), { code: 'PRIVACY_NO_KEY' })
  t.throws(() => run(request('user_id', field(1, 'u')), { ...config, key: 'short' }), { code: 'PRIVACY_BAD_KEY' })
})
