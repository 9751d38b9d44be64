// What holds for every listed inline processor, whatever it does: nothing lost without a word, valid OTLP out, no hook
// throws, same input same output, untouched bytes where it says so, a life cycle that forgives.

import fc from 'fast-check'
import t from 'tap'
import type { InlineProcessor, ProcessorDeclaration } from '../../core/component/processor.js'
import { configOf } from '../../core/config/check.js'
import { countItems } from '../../core/otlp/batches.js'
import type { Signal } from '../../core/otlp/signal.js'
import { Walker } from '../../core/otlp/walk.js'
import { Chain } from '../../core/pipeline/chain.js'
import { PROCESSORS } from '../../processors/index.js'
import { anyRequest } from '../helpers/otlp-arbitraries.js'
import { oracle } from '../helpers/otlp-oracle.js'

/** Settings for types that want some; a new type that needs settings needs a row, or its test fails to build it. */
const CONFIGS: Readonly<Record<string, object>> = {
  adaptive_sampler: { items_per_second: 1 },
  attributes: {
    actions: [
      { key: 'workflow.name', new_key: 'wf', action: 'rename' },
      { key: 'added', value: 'x', action: 'upsert' },
      { key: 'user.email', action: 'delete' }
    ]
  },
  filter: { drop: [{ name: 'some', attributes: { 'workflow.name': '*' } }] },
  hashing: { hash_fields: ['user.email', 'service.name'], key: 'only-for-this-test-0123' },
  log_sampling: { severities: { INFO: 50 }, template_limit: { records_per_second: 1, burst: 1 } },
  probabilistic_sampler: { sampling_percentage: 50 }
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

function make(declaration: ProcessorDeclaration): InlineProcessor {
  const count = new Proxy({}, { get: () => () => {} }) as never
  const clock = { now: () => 1_700_000_000_000, after: () => ({ cancel() {} }) }
  return declaration.create(configOf(declaration.schema, CONFIGS[declaration.type] ?? {}) as never, {
    id: declaration.type,
    log: silent,
    clock,
    count,
    installationKey: 'only-for-this-test-0123'
  })
}

const inline = PROCESSORS.filter(one => one.stage === 'inline' && one.type !== 'custom')
const valid = anyRequest
  .map(([signal, plain]) => ({ signal, bytes: oracle.encodeRequest(signal, plain) }))
  .map(({ signal, bytes }) => ({ signal, bytes: valid1(signal, bytes) }))

/** What is left of a request after the walk rejected its invalid items. */
function valid1(signal: Signal, bytes: Buffer): Buffer {
  return new Walker(signal, [], { dropped() {}, failed() {} }).walk(bytes).bytes
}

for (const declaration of inline) {
  t.test(`${declaration.type}: every item comes out or is reported, as valid OTLP, the same each time`, async t => {
    const failures: unknown[] = []
    fc.assert(
      fc.property(valid, ({ signal, bytes }) => {
        if (!declaration.signals.includes(signal)) return
        const run = () => {
          const stage = { id: declaration.type, processor: make(declaration), mutates: declaration.mutates }
          return new Chain(signal, [stage], { failed: (_, error) => void failures.push(error) }).run(Buffer.from(bytes))
        }
        const result = run()
        const dropped = result.dropped.reduce((sum, row) => sum + row.items, 0)
        t.equal(result.items + dropped, countItems(signal, bytes), 'items')
        t.equal(result.rejected, 0)
        if (result.items > 0) {
          t.equal(countItems(signal, result.bytes), result.items, 'count')
          oracle.decodeRequest(signal, result.bytes)
          const again = new Walker(signal, [], { dropped() {}, failed() {} }).walk(result.bytes)
          t.equal(again.rejected, 0, 'valid')
        }
        t.ok(run().bytes.equals(result.bytes), 'deterministic')
        if (!declaration.mutates) t.ok(result.bytes.equals(bytes), 'untouched')
      }),
      { numRuns: 60 }
    )
    t.same(failures, [], 'no hook threw')
  })

  t.test(`${declaration.type}: stops without start, and twice`, async t => {
    const processor = make(declaration)
    await processor.stop?.()
    const other = make(declaration)
    await other.start?.()
    await other.stop?.()
    await other.stop?.()
    t.pass()
  })
}
