import fc from 'fast-check'
import t from 'tap'
import { type Compression, decodePayload, encodePayload } from './codec.js'

const MAGIC = Buffer.from([0xaf, 0x10, 0x7a, 0x01])
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }).map(bytes => Buffer.from(bytes)),
  fc.tuple(fc.string(), fc.nat(500)).map(([text, n]) => Buffer.from(text.repeat(n))),
  fc.uint8Array({ maxLength: 700 }).map(bytes => Buffer.concat([MAGIC, bytes]))
)

t.test('every payload is itself again, whatever it was kept as, also one that looks like a kept one', async t => {
  const compression = fc.constantFrom<Compression>('none', 'deflate', 'zstd')
  fc.assert(
    fc.property(payload, compression, (bytes, how) => decodePayload(encodePayload(bytes, how)).equals(bytes)),
    { numRuns: 500 }
  )
  t.pass()
})

t.test('what is small or does not shrink is kept as it is', async t => {
  const small = Buffer.from('x'.repeat(511))
  t.equal(encodePayload(small, 'deflate'), small)
  const noise = Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 7919 * (i + 13)) % 251))
  t.equal(encodePayload(noise, 'none'), noise)
  t.ok(encodePayload(Buffer.from('x'.repeat(512)), 'deflate').length < 50)
})

t.test('what was damaged is an error, never another payload', async t => {
  const kept = encodePayload(Buffer.from('span '.repeat(400)), 'deflate')
  t.throws(() => decodePayload(kept.subarray(0, kept.length - 3)))
  const other = Buffer.from(kept)
  other[4] = 9
  t.throws(() => decodePayload(other), RangeError)
})
