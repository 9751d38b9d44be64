import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { decodeRequest, encodeAnyValue, encodeRequest } from '../../core/otlp/decode.js'
import { Chain } from '../../core/pipeline/chain.js'
import attributes from './index.js'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const context = {
  id: 'attributes',
  log: silent,
  clock: { now: () => 0, after: () => ({ cancel() {} }) },
  count: { changed() {} }
}
const ids = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2) }

type Pairs = Readonly<Record<string, unknown>>

/** The attributes of one span after the actions. */
function after(actions: readonly object[], before: Pairs): Pairs {
  const processor = attributes.create(configOf(attributes.schema, { actions }), context)
  const chain = new Chain('traces', [{ id: 'attributes', processor, mutates: true }], {
    failed: (_, error) => {
      throw error
    }
  })
  const pairs = Object.entries(before).map(([key, value]) => ({ key, value }))
  const span = { ...ids, name: 'x', attributes: pairs }
  const resource = { attributes: [{ key: 'a', value: 'of the resource' }] }
  const bytes = encodeRequest('traces', { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] } as never)
  const out = decodeRequest('traces', chain.run(bytes).bytes)
  const [only] = out.resourceSpans
  t.match(only!.resource!.attributes, resource.attributes, 'the resource is left alone')
  return Object.fromEntries(only!.scopeSpans[0]!.spans[0]!.attributes.map(({ key, value }) => [key, value]))
}

t.test('insert adds what is missing and leaves what is there', async t => {
  const actions = [{ key: 'env', value: 'prod', action: 'insert' }]
  t.same(after(actions, { a: 1 }), { a: 1, env: 'prod' })
  t.same(after(actions, { env: 'test' }), { env: 'test' })
})

t.test('update sets what is there and adds nothing; upsert does both', async t => {
  t.same(after([{ key: 'env', value: 7, action: 'update' }], { env: 'test' }), { env: 7 })
  t.same(after([{ key: 'env', value: 'prod', action: 'update' }], { a: 1 }), { a: 1 })
  t.same(after([{ key: 'env', value: true, action: 'upsert' }], { env: 'test' }), { env: true })
  t.same(after([{ key: 'env', value: 'prod', action: 'upsert' }], {}), { env: 'prod' })
})

t.test('delete removes, rename keeps the value and its type', async t => {
  t.same(after([{ key: 'a', action: 'delete' }], { a: 1, b: 'x' }), { b: 'x' })
  t.same(after([{ key: 'a', new_key: 'c', action: 'rename' }], { a: [1, 'two'], b: 'x' }), { c: [1, 'two'], b: 'x' })
  t.same(after([{ key: 'a', new_key: 'b', action: 'rename' }], { a: 1, b: 'x' }), { b: 1 })
})

t.test('a value can come from another attribute, and actions see what the ones before them did', async t => {
  t.same(after([{ key: 'b', from_attribute: 'a', action: 'insert' }], { a: 'x' }), { a: 'x', b: 'x' })
  t.same(after([{ key: 'b', from_attribute: 'no', action: 'insert' }], { a: 'x' }), { a: 'x' })
  const chained = [
    { key: 'a', new_key: 'b', action: 'rename' },
    { key: 'a', value: 'new', action: 'insert' },
    { key: 'c', from_attribute: 'a', action: 'upsert' },
    { key: 'a', action: 'delete' }
  ]
  t.same(after(chained, { a: 'old' }), { b: 'old', c: 'new' })
})

t.test('later processors see what was added and renamed', async t => {
  const processor = attributes.create(
    configOf(attributes.schema, { actions: [{ key: 'b', value: 'x', action: 'insert' }] }),
    context
  )
  const seen: string[] = []
  const looker = { attribute: (view: { key: { text: string } }) => void seen.push(view.key.text) }
  const chain = new Chain(
    'traces',
    [
      { id: 'attributes', processor, mutates: true },
      { id: 'looker', processor: looker, mutates: false }
    ],
    { failed() {} }
  )
  chain.run(
    encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans: [{ ...ids, attributes: [] }] }] }] } as never)
  )
  t.same(seen, ['b'])
  t.equal(chain.passes, 2)
})

t.test('actions that cannot mean anything are refused with their place', async t => {
  const problems = (action: object) => attributes.validate!(configOf(attributes.schema, { actions: [action] }))
  t.match(problems({ key: 'a', action: 'insert' }), [
    { path: 'actions[0]', says: /either `value` or `from_attribute`/ }
  ])
  t.match(problems({ key: 'a', action: 'rename' }), [{ says: /needs `new_key`/ }])
  t.match(problems({ key: 'a', action: 'delete', value: 1 }), [{ says: /takes no value/ }])
  t.same(problems({ key: 'a', action: 'delete' }), [])
  t.ok(encodeAnyValue('x').length > 0)
})
