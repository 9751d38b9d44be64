import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { configOf } from '../../core/config/check.js'
import { encodeRequest } from '../../core/otlp/decode.js'
import { testContext } from '../../test/helpers/context.js'
import { numbered } from '../../test/helpers/delivery.js'
import { never } from '../../test/helpers/exporter.js'
import type { CustomConfig } from './config.js'
import custom from './index.js'

const BATCH = { signal: 'traces', bytes: numbered(0, 3), items: 3 } as const

/** An exporter of a module with this text. */
function of(t: Test, module: string, config: object = {}) {
  const folder = t.testdir({ 'mine.mjs': module })
  return at(t, join(folder, 'mine.mjs'), config)
}

function at(t: Test, module: string, config: object) {
  const context = testContext<'worker_losses'>('custom/mine')
  const exporter = custom.create(configOf(custom.schema, { module, ...config }) as CustomConfig, context)
  t.teardown(() => exporter.stop?.())
  return { exporter, context, start: async () => exporter.start?.(), send: () => exporter.send(BATCH, never) }
}

/** A module whose `send` has this body; `request`, `info`, `config`, `log` are in reach. */
function sending(body: string, more = ''): string {
  return `export default { ${more} create ({ config, log, id }) { return { async send (request, info) { ${body} } } } }`
}

const BAD: readonly (readonly [title: string, module: string, code: string, words: RegExp])[] = [
  ['no JavaScript', 'export default {', 'CUSTOM_LOAD', /Unexpected/],
  ['something else', 'export default 5', 'CUSTOM_SHAPE', /create/],
  ['without send', 'export default { create: () => ({}) }', 'CUSTOM_SHAPE', /send/],
  ['of unknown input', sending('', "input: 'xml',"), 'CUSTOM_SHAPE', /input/],
  ['with a schema that is none', sending('', "schema: { type: 'cat' },"), 'CUSTOM_SHAPE', /JSON Schema/],
  ['that fails at start', 'export default { create () { throw new Error("no key") } }', 'CUSTOM_START', /no key/],
  ['that ends its thread', 'process.exit(3)', 'CUSTOM_CRASHED', /exit code 3/]
]

for (const [title, module, code, words] of BAD) {
  t.test(`a module ${title} is an error at start`, async t => {
    await t.rejects(of(t, module).start(), { code, message: words })
  })
}

t.test('a module that is not there is an error at start', async t => {
  await t.rejects(at(t, './nowhere.mjs', {}).start(), { code: 'CUSTOM_LOAD' })
})

t.test('config is checked by the module’s schema, and its defaults are filled in', async t => {
  const schema = `schema: { type: 'object', properties: { url: { type: 'string' }, n: { type: 'integer', default: 7 } }, required: ['url'] },`
  const module = sending('return { kind: "refused", message: config.url + config.n }', schema)
  const secret = 'hunter2'
  const bad = of(t, module, { config: { n: secret } })
  await t.rejects(bad.start(), { code: 'CUSTOM_CONFIG', message: /required property 'url'.*config\.n must be integer/ })
  await bad.start().catch((error: Error) => t.notMatch(error.message, secret))
  const good = of(t, module, { config: { url: 'here' } })
  await good.start()
  t.match(await good.send(), { kind: 'refused', cause: { message: /here7/ } })
})

t.test('objects or bytes, as the module asks', async t => {
  const objects = of(
    t,
    sending('return { kind: "delivered", message: request.resourceSpans[0].scopeSpans[0].spans[1].name }')
  )
  await objects.start()
  t.match(await objects.send(), { kind: 'delivered', message: 'item-1;' })
  const text = 'return { kind: "delivered", message: `${request.length} ${info.signal} ${info.items}` }'
  const bytes = of(t, sending(text, "input: 'bytes',"))
  await bytes.start()
  t.match(await bytes.send(), { kind: 'delivered', message: `${BATCH.bytes.length} traces 3` })
  t.same(BATCH.bytes, numbered(0, 3), 'the batch is as it was')
})

t.test('outcomes: nothing is delivered, a throw is retried, the rest as said', async t => {
  const said = `const kinds = [undefined, { kind: 'delivered', rejected: 2 }, { kind: 'retry', afterMs: 50, message: 'later' },
    { kind: 'refused', tooLarge: true }, 'nonsense']
    globalThis.n = (globalThis.n ?? -1) + 1
    if (n >= kinds.length) throw new Error('broken')
    return kinds[n]`
  const { start, send } = of(t, sending(said))
  await start()
  t.same(await send(), { kind: 'delivered' })
  t.same(await send(), { kind: 'delivered', rejected: 2 })
  t.match(await send(), { kind: 'retry', afterMs: 50, cause: { code: 'CUSTOM_RETRY', message: /later/ } })
  t.match(await send(), { kind: 'refused', tooLarge: true, cause: { code: 'CUSTOM_REFUSED' } })
  t.match(await send(), { kind: 'retry', cause: { message: /neither nothing nor/ } })
  t.match(await send(), { kind: 'retry', cause: { message: /broken/ } })
})

const CRASHES: readonly (readonly [title: string, body: string])[] = [
  ['an exception outside of send', 'setImmediate(() => { throw new Error("late") }); return new Promise(() => {})'],
  ['an unhandled rejection', 'Promise.reject(new Error("late")); return new Promise(() => {})'],
  ['process.exit', 'process.exit(1)']
]

for (const [title, body] of CRASHES) {
  t.test(`${title} costs the worker, not the gateway: the batch is retried in a new one`, async t => {
    const { start, send, context } = of(t, sending(`if (config.crash && info.items === 3) { ${body} }`), {
      config: { crash: true }
    })
    await start()
    t.match(await send(), { kind: 'retry', cause: { code: 'CUSTOM_CRASHED' } })
    t.equal(context.counted['worker_losses:crash'], 1)
    t.match(await send(), { kind: 'retry', cause: { code: 'CUSTOM_CRASHED' } }, 'the first loss costs no delay')
    t.match(await send(), { kind: 'retry', afterMs: 1000, cause: { code: 'CUSTOM_WAITING' } }, 'the second one does')
    context.clock.move(1000)
    t.match(await send(), { kind: 'retry', cause: { code: 'CUSTOM_CRASHED' } })
    t.match(await send(), { kind: 'retry', afterMs: 2000, cause: { code: 'CUSTOM_WAITING' } })
  })
}

t.test('a hang is ended at the time limit, an endless loop too, and all open calls are retried', async t => {
  const body = 'if (info.items === 3) for (;;); return new Promise(() => {})'
  const { start, send, exporter, context } = of(t, sending(body), { send_timeout: '5s' })
  await start()
  const waiting = exporter.send({ ...BATCH, items: 2 }, never)
  const looping = send()
  await new Promise(resolve => setImmediate(resolve)) // both are under way, their limits are running
  context.clock.move(5000)
  t.match(await looping, { kind: 'retry', cause: { code: 'CUSTOM_TIMEOUT' } })
  t.match(await waiting, { kind: 'retry', cause: { code: 'CUSTOM_TIMEOUT' } })
  t.equal(context.counted['worker_losses:timeout'], 1)
})

t.test('a start that hangs is ended at its limit', async t => {
  const { start, context } = of(t, 'for (;;);', { start_timeout: '2s' })
  const starting = start()
  context.clock.move(2000)
  await t.rejects(starting, { code: 'CUSTOM_TIMEOUT' })
})

t.test('memory: a heap beyond the limit costs the worker', async t => {
  const body = 'const kept = []; for (;;) kept.push(new Array(1e5).fill(Math.random()))'
  const { start, send, context } = of(t, sending(body), { memory_limit: '32MiB' })
  await start()
  t.match(await send(), { kind: 'retry', cause: { code: 'CUSTOM_MEMORY' } })
  t.equal(context.counted['worker_losses:memory'], 1)
})

t.test('memory: buffers beyond the limit cost the worker too', async t => {
  const body = 'globalThis.kept ??= []; kept.push(Buffer.alloc(20e6, 1))'
  const { start, send, context } = of(t, sending(body), { memory_limit: '32MiB' })
  await start()
  t.match(await send(), { kind: 'delivered' })
  t.match(await send(), { kind: 'delivered' })
  t.equal(context.counted['worker_losses:memory'], 1)
  t.match(await send(), { kind: 'delivered' }, 'a new one took over')
})

t.test('an abort settles at once and reaches the module', async t => {
  const body =
    'await new Promise(done => info.abort.addEventListener("abort", done)); log.info("called off"); return { kind: "delivered" }'
  const { start, exporter, context } = of(t, sending(body))
  await start()
  const abort = new AbortController()
  const sending_ = exporter.send(BATCH, abort.signal)
  await new Promise(resolve => setImmediate(resolve)) // it is with the module
  abort.abort()
  t.match(await sending_, { kind: 'retry', cause: { code: 'CUSTOM_ABORTED' } })
  while (!context.lines.includes('info called off')) await new Promise(resolve => setImmediate(resolve))
  t.equal(context.counted['worker_losses:timeout'], undefined)
})

t.test('the module sees the environment variables it was given and no others', async t => {
  process.env['CUSTOM_TEST_A'] = 'a'
  process.env['CUSTOM_TEST_B'] = 'b'
  const body = 'return { kind: "delivered", message: JSON.stringify(process.env) }'
  const { start, send } = of(t, sending(body), { env: ['CUSTOM_TEST_A'] })
  await start()
  t.match(await send(), { message: '{"CUSTOM_TEST_A":"a"}' })
})

t.test('its log lines reach ours, limited in number', async t => {
  const { start, send, context } = of(t, sending('for (let i = 0; i < 100; i++) log.warn(`line ${i}`)'))
  await start()
  await send()
  const lines = context.lines.filter(line => line.startsWith('warn line'))
  t.ok(lines.length > 0 && lines.length <= 20, `${lines.length} lines`)
})

t.test('stop lets the module finish; afterwards sends are retried', async t => {
  const module = `export default { create: ({ log }) => ({ send () {}, async stop () { log.info('flushed') } }) }`
  const { start, send, exporter, context } = of(t, module)
  await start()
  await send()
  await exporter.stop?.()
  await exporter.stop?.()
  t.ok(context.lines.includes('info flushed'))
  t.match(await send(), { kind: 'retry' })
})

t.test('the example of the guide sends spans as lines of JSON', async t => {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => (body += chunk))
    request.on('end', () => {
      bodies.push(body)
      response.writeHead(bodies.length === 1 ? 503 : 200, { 'retry-after': '3' }).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise(resolve => server.close(resolve)))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const { start, exporter } = at(t, 'docs/examples/custom-exporter/json-lines.mjs', { config: { url } })
  await start()
  const bytes = encodeRequest('traces', {
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: 'shop' }] },
        scopeSpans: [
          {
            spans: [
              {
                traceId: Buffer.alloc(16, 1),
                spanId: Buffer.alloc(8, 2),
                name: 'pay',
                startTimeUnixNano: 1_000_000n,
                endTimeUnixNano: 3_500_000n,
                status: { code: 2 }
              }
            ]
          }
        ]
      }
    ]
  })
  const batch = { signal: 'traces', bytes, items: 1 } as const
  t.match(await exporter.send(batch, never), { kind: 'retry', afterMs: 3000 })
  t.same(await exporter.send(batch, never), { kind: 'delivered' })
  t.same(JSON.parse(bodies[1] ?? ''), {
    service: 'shop',
    trace: '01'.repeat(16),
    span: '02'.repeat(8),
    name: 'pay',
    ms: 2.5,
    error: true
  })
  t.match(await exporter.send({ ...batch, signal: 'logs', bytes: Buffer.alloc(0) }, never), { kind: 'refused' })
})

t.test('the template loads', async t => {
  const config = { url: 'http://127.0.0.1:9/' }
  const { start, send } = at(t, 'docs/examples/custom-exporter/template.mjs', { config })
  await start()
  t.match(await send(), { kind: 'retry' }, 'nobody listens there')
})
