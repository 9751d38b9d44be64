import t from 'tap'
import type { InlineProcessor } from '../component/processor.js'
import { decodeRequest, encodeRequest } from '../otlp/decode.js'
import { Chain, passesOf, type Stage } from './chain.js'

const ids = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2) }
const request = (...names: string[]) =>
  encodeRequest('traces', {
    resourceSpans: [
      { scopeSpans: [{ spans: names.map(name => ({ ...ids, name, attributes: [{ key: 'k', value: name }] })) }] }
    ]
  } as never)

const stage = (id: string, processor: InlineProcessor, mutates = true): Stage => ({ id, processor, mutates })
const quiet = { failed() {} }

t.test('processors share one walk unless their order would show', async t => {
  const editor = stage('editor', { value() {} })
  const looker = stage('looker', { item() {} }, false)
  const adder = stage('adder', { itemEnd() {} })
  const widths = (...stages: Stage[]) => passesOf(stages).map(pass => pass.map(one => one.id).join('+'))
  t.same(widths(), [''])
  t.same(widths(editor, editor, editor), ['editor+editor+editor'])
  t.same(widths(looker, editor), ['looker+editor'])
  t.same(widths(editor, looker), ['editor', 'looker'], 'a look at items behind an editor')
  t.same(widths(adder, editor), ['adder', 'editor'], 'what was added is for those behind')
})

t.test('an item that one processor dropped is not shown to later passes, and is counted by reason', async t => {
  const seen: string[] = []
  const chain = new Chain(
    'traces',
    [
      stage('first', { item: item => void (item.name() === 'a' && item.drop('is_a')) }),
      stage('second', { item: item => void seen.push(item.name()) }),
      stage('third', { item: item => void (item.name() === 'b' && item.drop('is_b')) })
    ],
    quiet
  )
  const result = chain.run(request('a', 'b', 'c', 'a'))
  t.match(result, { seen: 4, items: 1, rejected: 0 })
  t.same(result.dropped, [
    { processor: 'first', reason: 'is_a', items: 2 },
    { processor: 'third', reason: 'is_b', items: 1 }
  ])
  t.same(seen, ['b', 'c'])
  t.same(
    decodeRequest('traces', result.bytes).resourceSpans[0]!.scopeSpans[0]!.spans.map(s => s.name),
    ['c']
  )
})

t.test('when all items go, nothing is left to store', async t => {
  const chain = new Chain('traces', [stage('all', { item: item => item.drop('all') })], quiet)
  t.match(chain.run(request('a', 'b')), { items: 0, seen: 2, dropped: [{ items: 2 }] })
})

t.test('a failing processor is reported by name and costs what it looked at', async t => {
  const failed: string[] = []
  const chain = new Chain(
    'traces',
    [
      stage('bad', {
        attribute() {
          throw new Error('no')
        }
      })
    ],
    { failed: processor => void failed.push(processor) }
  )
  const result = chain.run(request('a'))
  t.same(failed, ['bad'])
  t.equal(result.items, 1)
  t.same(decodeRequest('traces', result.bytes).resourceSpans[0]!.scopeSpans[0]!.spans[0]!.attributes, [])
})

t.test('batchEnd is called once a batch', async t => {
  let calls = 0
  const chain = new Chain('traces', [stage('counting', { batchEnd: () => void calls++ }, false)], quiet)
  chain.run(request('a', 'b'))
  chain.run(request('c'))
  t.equal(calls, 2)
})

t.test(
  'who looks at whole requests sees them as those before it left them, and its notes come with the result',
  async t => {
    const seen: string[][] = []
    const observer: InlineProcessor = {
      observe(signal, bytes) {
        seen.push(decodeRequest('traces', bytes).resourceSpans[0]!.scopeSpans[0]!.spans.map(span => span.name))
        return signal === 'traces' ? { bytes: Buffer.from('note'), items: 1 } : undefined
      }
    }
    const dropping = (name: string): InlineProcessor => ({
      item: item => void (item.name() === name && item.drop('d'))
    })
    const chain = new Chain(
      'traces',
      [stage('first', dropping('a')), stage('looker', observer, false), stage('last', dropping('b'))],
      quiet
    )
    t.equal(chain.passes, 2)
    const result = chain.run(request('a', 'b', 'c'))
    t.same(seen, [['b', 'c']])
    t.match(result, { items: 1, notes: [{ processor: 'looker', items: 1 }] })
    seen.length = 0
    t.same(chain.run(request('a')).notes, [])
    t.same(seen, [], 'nothing is left to look at')
  }
)

t.test('who looks at whole requests and fails costs its note and nothing else', async t => {
  const failed: string[] = []
  const bad = stage('bad', {
    observe() {
      throw new Error('no')
    }
  })
  const result = new Chain('traces', [bad], { failed: processor => void failed.push(processor) }).run(request('a'))
  t.match(result, { items: 1, notes: [] })
  t.same(failed, ['bad'])
})
