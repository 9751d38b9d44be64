// OTLP/JSON over HTTP, side S: rows J1 to J7. The mapping itself is tested beside core/otlp.

import t from 'tap'
import { JSON_TYPE, post } from '../helpers/http.js'
import { oracle, type Plain } from '../helpers/otlp-oracle.js'
import { type RealIntake, realIntake } from '../helpers/pipelines.js'
import { startReceiver } from '../helpers/receiver.js'
import { statusFromJson } from '../helpers/rpc-status.js'

const IDS = '"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "EEE19B7EC3C1B174"'

function request(spans: string, extra = ''): string {
  return `{"resourceSpans": [{"scopeSpans": [{"spans": [${spans}]}]}]${extra}}`
}

async function started(t: { teardown(fn: () => Promise<void>): void }) {
  const intake = await realIntake(t)
  const { http } = await startReceiver(t, { intake })
  return { intake, send: (body: string) => post(`${http}/v1/traces`, body, JSON_TYPE) }
}

/** The spans of the last request that was handed over. */
function spans(intake: RealIntake): Plain[] {
  const request = oracle.decodeRequest('traces', intake.taken.at(-1)!.bytes) as {
    resourceSpans: { scopeSpans: { spans: Plain[] }[] }[]
  }
  return request.resourceSpans[0]!.scopeSpans[0]!.spans
}

t.test('J1: ids are hex in either case; base64 is 400', async t => {
  const { intake, send } = await started(t)
  t.equal((await send(request(`{${IDS}, "parentSpanId": "EEE19b7ec3c1b174"}`))).status, 200)
  t.equal((spans(intake)[0]!['spanId'] as Buffer).toString('hex'), 'eee19b7ec3c1b174')
  t.equal((spans(intake)[0]!['parentSpanId'] as Buffer).toString('hex'), 'eee19b7ec3c1b174')
  const base64 = await send(request('{"traceId": "W47/95gDgQPSabYzgT/GDA==", "spanId": "7uGbfsPBsXQ="}'))
  t.equal(base64.status, 400)
  t.equal(statusFromJson(base64.body.toString()).badRequest?.length, 1)
})

t.test('J2: enums are integers; names are 400', async t => {
  const { intake, send } = await started(t)
  t.equal((await send(request(`{${IDS}, "kind": 2}`))).status, 200)
  t.equal(spans(intake)[0]!['kind'], 2)
  t.equal((await send(request(`{${IDS}, "kind": "SPAN_KIND_SERVER"}`))).status, 400)
})

t.test('J3 J4: unknown fields are ignored, snake_case names are unknown fields', async t => {
  const { intake, send } = await started(t)
  const body = request(`{${IDS}, "start_time_unix_nano": "5", "new": {"deep": [1, {"x": null}]}}`, ', "more": [[]]')
  t.equal((await send(body)).status, 200)
  t.equal(spans(intake)[0]!['startTimeUnixNano'], undefined)
})

t.test('J5: 64-bit integers are exact, as strings and as numbers', async t => {
  const { intake, send } = await started(t)
  const body = request(`{${IDS}, "startTimeUnixNano": 1544712660000000001, "endTimeUnixNano": "1544712660000000003"}`)
  t.equal((await send(body)).status, 200)
  t.equal(spans(intake)[0]!['startTimeUnixNano'], 1544712660000000001n)
  t.equal(spans(intake)[0]!['endTimeUnixNano'], 1544712660000000003n)
})

t.test('J6: bytes are base64, NaN and Infinity are strings, null is absent', async t => {
  const { intake, send } = await started(t)
  const attributes = `[
    {"key": "a", "value": {"bytesValue": "3q2+7w=="}},
    {"key": "b", "value": {"doubleValue": "NaN"}},
    {"key": "c", "value": {"doubleValue": "-Infinity"}}
  ]`
  t.equal((await send(request(`{${IDS}, "name": null, "attributes": ${attributes}}`))).status, 200)
  const [a, b, c] = (spans(intake)[0]!['attributes'] as { value: Plain }[]).map(pair => pair.value)
  t.equal((a!['bytesValue'] as Buffer).toString('hex'), 'deadbeef')
  t.ok(Number.isNaN(b!['doubleValue']))
  t.equal(c!['doubleValue'], Number.NEGATIVE_INFINITY)
  t.equal(spans(intake)[0]!['name'], undefined)
})

t.test('J7: one span with a short id costs itself, not the batch', async t => {
  const { send } = await started(t)
  const answer = await send(request(`{${IDS}}, {"traceId": "5b8e", "spanId": "eee19b7ec3c1b174"}, {${IDS}}`))
  t.equal(answer.status, 200)
  t.equal(JSON.parse(answer.body.toString()).partialSuccess.rejectedSpans, '1')
})
