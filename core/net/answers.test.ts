// The table of answers: what OTLP promises clients about codes, for every cause.

import t from 'tap'
import { statusFromJson, statusFromProtobuf } from '../../test/helpers/rpc-status.js'
import { type Cause, retryAfterSeconds, STATUS, statusJson, statusProtobuf } from './answers.js'

/** OTLP specification: what clients send again. RESOURCE_EXHAUSTED only with RetryInfo, so it is not here. */
const RETRYABLE_HTTP = [429, 502, 503, 504]
const RETRYABLE_GRPC = [1, 4, 10, 11, 14, 15]

t.test('clients send again after busy and unavailable, on both protocols, and nothing else that is final', t => {
  for (const [cause, { http, grpc }] of Object.entries(STATUS)) {
    const isRetry = cause === 'busy' || cause === 'unavailable'
    t.equal(RETRYABLE_HTTP.includes(http), isRetry, `${cause} over HTTP`)
    // Late and given-up calls may be sent again over gRPC: nothing of them was taken.
    const mayRetry = isRetry || cause === 'timeout' || cause === 'cancelled'
    t.equal(RETRYABLE_GRPC.includes(grpc), mayRetry, `${cause} over gRPC`)
  }
  t.end()
})

t.test('both encodings of a Status say the same, for every cause and delay', t => {
  for (const cause of Object.keys(STATUS) as Cause[]) {
    for (const retryAfterMs of [undefined, 0, 1, 999, 1000, 61_500]) {
      const refusal = { cause, message: 'größer', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
      const binary = statusFromProtobuf(statusProtobuf(refusal))
      t.same(statusFromJson(statusJson(refusal).toString()), binary, `${cause} ${retryAfterMs}`)
      t.equal(binary.code, STATUS[cause].grpc)
      t.equal(binary.retryDelayMs, retryAfterMs)
      t.equal(binary.badRequest !== undefined, cause === 'malformed')
    }
  }
  t.end()
})

t.test('Retry-After is rounded up to whole seconds, at least one', t => {
  t.same([0, 1, 1000, 1001, 59_999].map(retryAfterSeconds), [1, 1, 1, 2, 60])
  t.end()
})
