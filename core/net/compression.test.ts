// Inflating within limits: what is understood, what is refused, and that no claim of a header is believed.

import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { Zstd } from '@hpcc-js/wasm-zstd'
import t from 'tap'
import { inflate, isSupportedEncoding } from './compression.js'

const MIB = 1024 * 1024
const zstd = await Zstd.load()

async function inflated(encoding: string, body: Uint8Array, limit = 20 * MIB): Promise<Buffer> {
  return inflate(encoding, Buffer.from(body), limit)
}

const ENCODERS: readonly [string, (body: Buffer) => Uint8Array][] = [
  ['gzip', body => gzipSync(body)],
  ['x-gzip', body => gzipSync(body)],
  ['deflate', body => deflateSync(body)],
  ['deflate', body => deflateRawSync(body)],
  ['zstd', body => zstd.compress(body)],
  ['identity', body => body]
]

for (const [encoding, encode] of ENCODERS) {
  t.test(`${encoding}: every size comes back the same, up to the limit and not a byte more`, async t => {
    for (const size of [0, 1, 100, 70_000, 3 * MIB]) {
      const body = Buffer.alloc(size, 'some telemetry, not all the same ')
      for (let i = 0; i < size; i += 97) body[i] = (i * 31) & 255
      t.ok((await inflated(encoding, encode(body))).equals(body), `${size}`)
      t.ok((await inflated(encoding, encode(body), Math.max(size, 1))).equals(body), `${size} at the limit`)
      if (size > 1) await t.rejects(inflated(encoding, encode(body), size - 1), { code: 'BODY_TOO_LARGE' }, `${size}`)
    }
  })
  if (encoding === 'identity') continue
  t.test(`${encoding}: cut off or overwritten bytes are corrupt, never a short result`, async t => {
    const whole = Buffer.from(encode(Buffer.alloc(5000, 'abc def ghi ')))
    for (const cut of [0, 1, 5, whole.length >> 1, whole.length - 1]) {
      await t.rejects(inflated(encoding, whole.subarray(0, cut)), { code: 'BODY_CORRUPT' }, `cut at ${cut}`)
    }
    await t.rejects(inflated(encoding, Buffer.alloc(100, 0xff)), { code: 'BODY_CORRUPT' })
  })
}

t.test('zstd: a bomb, and many small frames that are one, stop at the limit', async t => {
  const bomb = zstd.compress(Buffer.alloc(64 * MIB))
  await t.rejects(inflated('zstd', bomb, MIB), { code: 'BODY_TOO_LARGE' })
  const frame = zstd.compress(Buffer.alloc(MIB))
  await t.rejects(inflated('zstd', Buffer.concat(Array.from({ length: 100 }, () => frame))), { code: 'BODY_TOO_LARGE' })
  const two = await inflated('zstd', Buffer.concat([frame, frame]))
  t.equal(two.length, 2 * MIB)
})

t.test('zstd: a header that claims a window of gigabytes allocates nothing', async t => {
  // Magic, no single segment, window descriptor 2^31, then one empty last raw block.
  const claim = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00])
  const before = process.memoryUsage().arrayBuffers
  await t.rejects(inflated('zstd', claim))
  t.ok(process.memoryUsage().arrayBuffers - before < 64 * MIB)
})

t.test('zstd: an RLE bomb without a claimed size stops at the limit', async t => {
  // 128 KiB windows; each 4-byte block is 128 KiB of zeros.
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3])
  const size = 128 * 1024
  const block = (isLast: number) =>
    Buffer.from([(size << 3) | 2 | isLast, (size << 3) >> 8, (size << 3) >> 16, 0].map(b => b & 255))
  const blocks = Array.from({ length: 4000 }, () => block(0))
  await t.rejects(inflated('zstd', Buffer.concat([head, ...blocks, block(1)]), MIB), { code: 'BODY_TOO_LARGE' })
})

t.test('gzip: the size in the trailer is a hint that may lie both ways', async t => {
  const body = Buffer.alloc(5000, 'abc')
  // Two members: the trailer tells the size of the last one only.
  const both = await inflated('gzip', Buffer.concat([gzipSync(body), gzipSync(Buffer.from('x'))]))
  t.equal(both.length, 5001)
  const liar = gzipSync(body)
  liar.writeUInt32LE(0xffffffff, liar.length - 4)
  await t.rejects(inflated('gzip', liar), { code: 'BODY_CORRUPT' })
})

t.test('what is not known is refused', async t => {
  t.notOk(isSupportedEncoding('br'))
  t.notOk(isSupportedEncoding('gzip, gzip'))
  t.ok(isSupportedEncoding(undefined))
  t.ok(isSupportedEncoding('zstd'))
  await t.rejects(inflated('br', Buffer.alloc(3)), { code: 'ENCODING_UNSUPPORTED' })
})
