import t from 'tap'
import { ProtoWriter } from './protobuf.js'

t.test('fields are written as protobuf writes them', async t => {
  const w = new ProtoWriter()
  w.text(1, 'hé').uint(2, 300).sint(3, -2).double(4, 1.5)
  w.message(5, () => w.uint(1, 1))
  w.packedSint(6, [1, -1])
  t.equal(w.finish().toString('hex'), '0a0368c3a910ac02180321000000000000f83f2a0208013202' + '0201')
  t.equal(w.byteLength, 0)
})

t.test('numbers of 53 bits and negative ones survive', async t => {
  const w = new ProtoWriter()
  w.uint(1, Number.MAX_SAFE_INTEGER).uint(2, -1)
  t.equal(w.finish().toString('hex'), '08ffffffffffffff0f10ffffffffffffffffff01')
})

t.test('a message longer than 127 bytes gets a longer head', async t => {
  const w = new ProtoWriter()
  const text = 'x'.repeat(5000)
  w.message(1, () => w.message(2, () => w.text(3, text)))
  const bytes = w.finish()
  t.equal(bytes.subarray(0, 9).toString('hex'), '0a8e27128b271a8827')
  t.equal(bytes.length, 5009)
})
