// The wire reader and writer against protobufjs and against damaged bytes.

import fc from 'fast-check'
import protobuf from 'protobufjs'
import t from 'tap'
import {
  doubleOf,
  signedOf,
  unsignedOf,
  unzigzag,
  varintSize,
  WireError,
  WireReader,
  WireWriter,
  zigzag
} from './wire.js'

const u64 = fc.oneof(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.bigInt({ min: 0n, max: 1n << 36n }))
const halves = (v: bigint): [number, number] => [Number(v & 0xffffffffn), Number(v >> 32n)]

t.test('varints of every size are written as protobufjs writes them, and read back', async t => {
  fc.assert(
    fc.property(u64, value => {
      const [lo, hi] = halves(value)
      const w = new WireWriter(0)
      w.varint64(lo, hi)
      const bytes = w.finish()
      const theirs = protobuf.Writer.create()
        .uint64(value.toString() as unknown as number)
        .finish()
      t.ok(bytes.equals(theirs))
      const r = new WireReader(bytes)
      r.varint()
      t.equal(unsignedOf(r.lo, r.hi), value)
      t.equal(r.pos, bytes.length)
      if (hi === 0) t.equal(varintSize(lo), bytes.length)
    }),
    { numRuns: 300 }
  )
})

t.test('fixed numbers, doubles and zigzag come back bit by bit', async t => {
  fc.assert(
    fc.property(u64, fc.double(), fc.integer(), (value, double, int) => {
      const w = new WireWriter(0)
      w.fixed64(...halves(value))
      w.double(double)
      w.fixed32(int >>> 0)
      const r = new WireReader(w.finish())
      r.fixed64()
      t.equal(unsignedOf(r.lo, r.hi), value)
      t.equal(signedOf(r.lo, r.hi), BigInt.asIntN(64, value))
      t.ok(Object.is(r.double(), double))
      t.equal(r.fixed32(), int >>> 0)
      t.equal(unzigzag(zigzag(int)), int)
    }),
    { numRuns: 200 }
  )
  t.ok(Object.is(doubleOf(0, 0x80000000), -0))
})

t.test('a length that was not known before is put in front, whatever was guessed', async t => {
  for (const size of [0, 1, 127, 128, 16383, 16384, 2097152]) {
    for (const guess of [1, 2, 3, 4, 5]) {
      const w = new WireWriter(16)
      w.tag(1, 2)
      const mark = w.open(guess)
      w.raw(Buffer.alloc(size, 'x'))
      w.close(mark, guess)
      w.tag(2, 0)
      w.uint32(7)
      const r = new WireReader(w.finish())
      t.ok(r.next())
      t.equal(r.stop - r.start, size)
      t.ok(r.next())
      t.equal(r.field, 2)
      t.notOk(r.next())
    }
  }
})

t.test('strings are UTF-8; a lone surrogate becomes the replacement character', async t => {
  const w = new WireWriter(0)
  w.string('é\ud800 \u{1f600}')
  t.equal(w.finish().subarray(1).toString('utf8'), 'é\ufffd \u{1f600}')
})

const code = (bytes: number[]): string => {
  const r = new WireReader(Buffer.from(bytes))
  try {
    while (r.next());
    return ''
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    return error.code
  }
}

t.test('damaged fields are refused with the code that says why', async t => {
  const ff = (n: number): number[] => Array(n).fill(0xff)
  t.equal(code([0x08, ...ff(9), 0x01]), '', 'ten bytes are the most')
  t.equal(code([0x08, ...ff(9), 0x02]), 'OTLP_VARINT', 'bit 64')
  t.equal(code([0x08, ...ff(10), 0x01]), 'OTLP_VARINT', 'eleven bytes')
  t.equal(code([0x08, 0xff]), 'OTLP_TRUNCATED', 'varint cut')
  t.equal(code([0x09, 0, 0, 0]), 'OTLP_TRUNCATED', 'fixed64 cut')
  t.equal(code([0x0d, 0, 0, 0]), 'OTLP_TRUNCATED', 'fixed32 cut')
  t.equal(code([0x0a, 5, 0]), 'OTLP_TRUNCATED', 'length past the end')
  t.equal(code([0x0a, ...ff(9), 0x01]), 'OTLP_TRUNCATED', 'length of 2^64 - 1')
  t.equal(code([0x00, 0x00]), 'OTLP_FIELD_NUMBER')
  t.equal(code([0x0e]), 'OTLP_WIRE_TYPE', 'wire type 6')
  t.equal(code([0x0c]), 'OTLP_WIRE_TYPE', 'end of no group')
  t.equal(code([0x0b, 0x14]), 'OTLP_WIRE_TYPE', 'end of another group')
  t.equal(code([0x0b, 0x08, 0x01]), 'OTLP_TRUNCATED', 'group without end')
  t.equal(code([0x0b, 0x08, 0x01, 0x13, 0x14, 0x0c]), '', 'groups may nest')
  t.equal(code([...Array(1000).fill(0x0b), ...Array(1000).fill(0x0c)]), 'OTLP_DEPTH')
})

t.test('whatever the bytes are, reading stays inside them and throws nothing but a WireError', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
      const alone = fields(Buffer.from(bytes))
      // The same bytes in the middle of others that would go on well.
      const larger = Buffer.concat([Buffer.alloc(10, 0x08), bytes, Buffer.alloc(20, 0x01)])
      t.same(fields(larger.subarray(10, 10 + bytes.length)), alone)
      t.same(fields(larger, 10, 10 + bytes.length), alone)
    }),
    { numRuns: 1000 }
  )
  t.throws(() => new WireReader(Buffer.alloc(3), 2, 4), { code: 'OTLP_TRUNCATED' })
})

function fields(buf: Buffer, start = 0, end = buf.length): unknown[] {
  const r = new WireReader(buf, start, end)
  const seen: unknown[] = []
  try {
    while (r.next()) seen.push([r.field, r.wire, r.start - start, r.stop - start])
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    seen.push(error.code)
  }
  return seen
}
