// The OTLP receiver with raw clients: life cycle, ports, both protocols at once.

import t from 'tap'
import { EXPORT_PATH, grpcClient } from '../../../../test/helpers/grpc.js'
import { startReceiver } from '../../../../test/helpers/receiver.js'

t.test('a request over HTTP reaches the intake byte for byte', async t => {
  const { http, intake } = await startReceiver(t)
  const body = Buffer.from([0x0a, 0x00])
  const answer = await fetch(`${http}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body
  })
  t.equal(answer.status, 200)
  t.equal((await answer.arrayBuffer()).byteLength, 0)
  t.same(intake.taken, [{ signal: 'traces', bytes: body, receiver: 'otlp' }])
})

t.test('a request over gRPC reaches the intake byte for byte, small and large', async t => {
  const { grpc, intake } = await startReceiver(t)
  const client = grpcClient(t, grpc)
  for (const body of [Buffer.alloc(0), Buffer.alloc(2, 1), Buffer.alloc(300_000, 2)]) {
    const answer = await client.send(EXPORT_PATH.logs, body)
    t.equal(answer.code, 0, answer.message)
    t.equal(answer.body?.length, 0)
    t.same(intake.taken.pop(), { signal: 'logs', bytes: body, receiver: 'otlp' })
  }
})
