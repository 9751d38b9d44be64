import { join } from 'node:path'
import t, { type Test } from 'tap'
import { configOf } from '../../core/config/check.js'
import { decodeRequest, encodeRequest } from '../../core/otlp/decode.js'
import { Chain } from '../../core/pipeline/chain.js'
import { testContext } from '../../test/helpers/context.js'
import type { CustomConfig } from './config.js'
import custom from './index.js'

function at(module: string, config: object = {}) {
  return custom.create(configOf(custom.schema, { module, config }) as CustomConfig, testContext('custom/mine'))
}

function of(t: Test, text: string, config: object = {}) {
  return at(join(t.testdir({ 'mine.mjs': text }), 'mine.mjs'), config)
}

function run(processor: ReturnType<typeof at>, failed: string[] = []) {
  const chain = new Chain('traces', [{ id: 'custom/mine', processor, mutates: true }], {
    failed: (_, error) => failed.push((error as Error).message)
  })
  const ids = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2) }
  const bytes = encodeRequest('traces', {
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'host.name', value: 'h1.example.com' }] },
        scopeSpans: [
          {
            spans: [
              { ...ids, name: 'GET /healthz' },
              { ...ids, name: 'pay', attributes: [{ key: 'api.key', value: 'acme_12' }] },
              { ...ids, name: 'ship' }
            ]
          }
        ]
      }
    ]
  })
  const result = chain.run(bytes)
  return { result, decoded: result.items === 0 ? undefined : decodeRequest('traces', result.bytes) }
}

const BAD: readonly (readonly [title: string, module: string, code: string, words: RegExp])[] = [
  ['no JavaScript', 'export default {', 'CUSTOM_PROCESSOR_LOAD', /Unexpected/],
  ['with a top-level await', 'await 0; export default {}', 'CUSTOM_PROCESSOR_LOAD', /await/],
  ['something else', 'export default 5', 'CUSTOM_PROCESSOR_SHAPE', /create/],
  ['without hooks', 'export default { create: () => ({}) }', 'CUSTOM_PROCESSOR_SHAPE', /none of/],
  ['with an async hook', 'export default { create: () => ({ async item () {} }) }', 'CUSTOM_PROCESSOR_SHAPE', /async/],
  ['that throws', 'export default { create () { throw new Error("no table") } }', 'CUSTOM_PROCESSOR_SHAPE', /no table/]
]

for (const [title, module, code, words] of BAD) {
  t.test(`a module ${title} is an error before the gateway starts`, async t => {
    t.throws(() => of(t, module), { code, message: words })
  })
}

t.test('a module that is not there is an error', async t => {
  t.throws(() => at('./nowhere.mjs'), { code: 'CUSTOM_PROCESSOR_LOAD' })
})

t.test('config is checked by the module’s schema, without its values in the error', async t => {
  const module = `export default { schema: { type: 'object', properties: { n: { type: 'integer' } } }, create: () => ({ item () {} }) }`
  t.throws(() => of(t, module, { n: 'hunter2' }), {
    code: 'CUSTOM_PROCESSOR_CONFIG',
    message: /config\.n must be integer/
  })
  t.doesNotThrow(() => of(t, module, { n: 5 }))
})

t.test('a hook that throws costs the item, never the batch', async t => {
  const failed: string[] = []
  const module = `export default { create: () => ({ item (item) { if (item.name() === 'pay') throw new Error('oops') } }) }`
  const { result, decoded } = run(of(t, module), failed)
  t.same(failed, ['oops'])
  t.equal(result.items, 2)
  t.same(
    decoded?.resourceSpans[0]?.scopeSpans[0]?.spans.map(({ name }) => name),
    ['GET /healthz', 'ship']
  )
})

t.test('the example of the guide drops, changes and adds', async t => {
  const { result, decoded } = run(at('docs/examples/custom-processor/tenant.mjs'))
  t.match(result.dropped, [{ processor: 'custom/mine', reason: 'health_check', items: 1 }])
  const [resource] = decoded?.resourceSpans ?? []
  t.match(resource?.resource?.attributes, [{ key: 'host.name', value: 'h1' }])
  t.same(
    resource?.scopeSpans[0]?.spans.map(({ name, attributes }) => [
      name,
      attributes.at(-1)?.key,
      attributes.at(-1)?.value
    ]),
    [
      ['pay', 'tenant', 'acme'],
      ['ship', 'tenant', 'unknown']
    ]
  )
})
