import fc from 'fast-check'
import t from 'tap'
import { anyRequest } from '../../test/helpers/otlp-arbitraries.js'
import { oracle } from '../../test/helpers/otlp-oracle.js'
import { encodeRequest } from '../otlp/decode.js'
import { levelOf, logLines, timestampOf } from './log-lines.js'
import { LearnedNames } from './trace-names.js'

const TRACE = Buffer.from('5b8efff798038103d269b633813fc60c', 'hex')
const SPAN = Buffer.from('eee19b7ec3c1b174', 'hex')
const attribute = (key: string, value: unknown) => ({ key, value })

function lines(records: object[], resource: object[] = [], names?: LearnedNames): Record<string, unknown>[] {
  const request = { resourceLogs: [{ resource: { attributes: resource }, scopeLogs: [{ logRecords: records }] }] }
  return logLines(encodeRequest('logs', request as never), names)
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
}

t.test("the requirements' own example, to the letter", async t => {
  const record = {
    timeUnixNano: BigInt(Date.parse('2025-01-30T10:00:00Z')) * 1_000_000n,
    severityNumber: 9,
    body: 'Step completed',
    traceId: TRACE,
    spanId: SPAN,
    attributes: [
      attribute('workflow.id', 'wf-789'),
      attribute('step.name', 'process-data'),
      attribute('duration_ms', 1234),
      attribute('cache_hit', false)
    ]
  }
  const request = { resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] }
  t.equal(
    logLines(encodeRequest('logs', request as never)),
    '{"timestamp":"2025-01-30T10:00:00Z","level":"INFO","message":"Step completed",' +
      '"trace_id":"5b8efff798038103d269b633813fc60c","span_id":"eee19b7ec3c1b174","workflow_id":"wf-789",' +
      '"step_name":"process-data","attributes":{"duration_ms":1234,"cache_hit":false}}\n'
  )
})

t.test('levels go by the number, four each, then by the text', async t => {
  const wanted = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']
  for (let number = 1; number <= 24; number++)
    t.equal(levelOf(number, 'whatever'), wanted[Math.floor((number - 1) / 4)])
  for (const [text, level] of Object.entries({
    info: 'INFO',
    Warning: 'WARN',
    error: 'ERROR',
    Critical: 'FATAL',
    DEBUG3: 'DEBUG',
    Information: 'INFO',
    audit: 'AUDIT',
    '': 'UNSPECIFIED'
  }))
    t.equal(levelOf(0, text), level, text)
  t.equal(levelOf(99, 'warn'), 'WARN', 'a number out of range')
})

t.test('times are RFC 3339 in UTC, as long as they need to be', async t => {
  const at = (fraction: bigint) => timestampOf(1_738_231_200_000_000_000n + fraction)
  t.equal(at(0n), '2025-01-30T10:00:00Z')
  t.equal(at(500_000_000n), '2025-01-30T10:00:00.5Z')
  t.equal(at(1n), '2025-01-30T10:00:00.000000001Z')
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), nanos => {
      const text = timestampOf(nanos)
      t.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/)
      const [seconds = '', fraction = ''] = text.slice(0, -1).split('.')
      t.equal(BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0') || 0), nanos)
    }),
    { numRuns: 200 }
  )
})

t.test('what is not known is null; the time of observation stands in for the time', async t => {
  const [line] = lines([{ observedTimeUnixNano: 1_000_000_000n, traceId: Buffer.alloc(16), body: 'x' }])
  t.same(line, {
    timestamp: '1970-01-01T00:00:01Z',
    level: 'UNSPECIFIED',
    message: 'x',
    trace_id: null,
    span_id: null,
    workflow_id: null,
    step_name: null,
    attributes: {}
  })
})

t.test('bodies and values that JSON has no word for', async t => {
  const [map, none, odd] = lines([
    { body: { text: 'a', n: 1 } },
    { eventName: 'step.started' },
    {
      body: 5,
      attributes: [
        attribute('big', 2n ** 60n),
        attribute('nan', Number.NaN),
        attribute('bytes', Buffer.from('hi')),
        attribute('list', ['a', 1, true]),
        attribute('__proto__', 'x'),
        attribute('map', { a: { b: 1 } })
      ]
    }
  ])
  t.equal(map!['message'], '{"text":"a","n":1}')
  t.equal(none!['message'], 'step.started')
  t.equal(odd!['message'], '5')
  const attributes = odd!['attributes'] as Record<string, unknown>
  t.equal(attributes['big'], '1152921504606846976')
  t.equal(attributes['nan'], 'NaN')
  t.equal(attributes['bytes'], 'aGk=')
  t.same(attributes['list'], ['a', 1, true])
  t.same(attributes['map'], { a: { b: 1 } })
  t.equal(Object.getOwnPropertyDescriptor(attributes, '__proto__')?.value, 'x')
})

t.test('nothing in a line moves a terminal', async t => {
  const body = 'a\u0007b\u009b31mc\u202ed\u2028e'
  const request = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body }] }] }] }
  const text = logLines(encodeRequest('logs', request as never))
  t.match(text, /^[\x20-\x7e]*\n$/)
  t.equal((JSON.parse(text) as { message: string }).message, body)
})

t.test('workflow and step come from the record, its resource, or the spans that passed', async t => {
  const names = new LearnedNames()
  const span = (more: object[], spanId = SPAN) => ({ traceId: TRACE, spanId, name: 's', attributes: more })
  const spans = [
    span([attribute('algoflow.workflow.id', 'wf-1')], Buffer.alloc(8, 1)),
    span([attribute('step.name', 'load'), attribute('other', 1)])
  ]
  names.learn(encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans }] }] } as never))
  const ids = { traceId: TRACE, spanId: SPAN }
  t.match(lines([ids], [], names), [{ workflow_id: 'wf-1', step_name: 'load' }])
  const own = [attribute('algoflow.workflow.id', 'wf-2'), attribute('algoflow.step.name', 'own')]
  t.match(lines([{ ...ids, attributes: own }], [], names), [{ workflow_id: 'wf-2', step_name: 'own', attributes: {} }])
  t.match(lines([ids], [], names), [{ workflow_id: 'wf-2' }], 'a record tells the others of its trace')
  t.match(lines([{}], [attribute('workflow.id', 'wf-3')]), [{ workflow_id: 'wf-3' }])
  t.match(lines([{ ...ids, spanId: Buffer.alloc(8, 9) }], [], names), [{ step_name: null }])
})

t.test('what is learned is bounded', async t => {
  const names = new LearnedNames({ maxTraces: 2, maxSpans: 2 })
  for (let i = 1; i < 5; i++) names.noteWorkflow(Buffer.alloc(16, i), `wf-${i}`)
  t.equal(names.workflowId(Buffer.alloc(16, 1)), undefined)
  t.equal(names.workflowId(Buffer.alloc(16, 4)), 'wf-4')
})

t.test('every record of any request is one line of JSON with the eight keys in their order', async t => {
  const keys = ['timestamp', 'level', 'message', 'trace_id', 'span_id', 'workflow_id', 'step_name', 'attributes']
  fc.assert(
    fc.property(anyRequest, ([signal, plain]) => {
      if (signal !== 'logs') return
      const bytes = oracle.encodeRequest('logs', plain)
      const text = logLines(bytes)
      const made = text.split('\n').slice(0, -1)
      const decoded = oracle.decodeRequest('logs', bytes) as {
        resourceLogs?: { scopeLogs?: { logRecords?: object[] }[] }[]
      }
      const records = (decoded.resourceLogs ?? []).flatMap(r => (r.scopeLogs ?? []).flatMap(s => s.logRecords ?? []))
      t.equal(made.length, records.length)
      for (const line of made) t.same(Object.keys(JSON.parse(line) as object), keys)
    }),
    { numRuns: 100 }
  )
})

t.test('learning takes any trace request without an error', async t => {
  fc.assert(
    fc.property(anyRequest, ([signal, plain]) => {
      if (signal === 'traces') new LearnedNames().learn(oracle.encodeRequest('traces', plain))
    }),
    { numRuns: 50 }
  )
  t.pass()
})
