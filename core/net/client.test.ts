import t from 'tap'
import { partialSuccessProtobuf, retryAfterMs, retryDelayMs, statusMessage } from './client-answers.js'
import { endpointProblems, isLoopback, plaintextProblems } from './client-endpoint.js'
import { MAX_WORDS_BYTES, sanitise } from './client-words.js'

t.test('loopback is this machine only', t => {
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]', 'LOCALHOST', 'a.localhost']) {
    t.equal(isLoopback(host), true, host)
  }
  for (const host of ['127.0.0.1.example.com', 'localhost.example.com', '10.0.0.1', '0.0.0.0', '::', 'example.com']) {
    t.equal(isLoopback(host), false, host)
  }
  t.end()
})

t.test('plain text goes to loopback only, unless insecure is said in so many words', t => {
  t.same(endpointProblems('endpoint', 'http://127.0.0.1:4318', undefined), [])
  t.same(endpointProblems('endpoint', 'https://otlp.example.com', undefined), [])
  t.same(endpointProblems('endpoint', 'http://otlp.example.com', { insecure: true }), [])
  t.match(endpointProblems('endpoint', 'http://otlp.example.com', undefined), [
    { path: 'endpoint', says: /plain text/ }
  ])
  t.match(plaintextProblems('endpoint', false, 'otlp.example.com', { min_version: '1.2' }), [
    { path: 'tls.min_version' }
  ])
  t.same(plaintextProblems('endpoint', false, 'otlp.example.com', { min_version: '1.2', insecure: true }), [])
  t.end()
})

t.test('an endpoint that is no URL, or holds credentials, is refused', t => {
  for (const wrong of ['otlp.example.com:4318', 'ftp://127.0.0.1', '', 'http://']) {
    t.match(endpointProblems('endpoint', wrong, undefined), [{ says: /URL/ }], wrong)
  }
  t.match(endpointProblems('endpoint', 'https://u:p@example.com', undefined), [{ says: /headers/ }])
  t.end()
})

t.test('what a back end says is kept without values and control characters, at most 1 KiB', t => {
  t.equal(
    sanitise('invalid attribute "user.email": ann@example.com\r\n\u001b[31m'),
    'invalid attribute "…": …  [31m'.replace('  ', ' ')
  )
  t.equal(sanitise("can't parse 'a secret' at 4111111111111111"), 'can"…"a secret\' at …')
  t.equal(sanitise('token=abc123def rejected'), 'token=… rejected')
  t.equal(sanitise('quota exceeded, retry later'), 'quota exceeded, retry later')
  const long = sanitise('ä long word '.repeat(1000))
  t.ok(Buffer.byteLength(long) <= MAX_WORDS_BYTES)
  t.notMatch(long, /\ufffd/)
  t.end()
})

t.test('Retry-After is whole seconds or a date', t => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  t.equal(retryAfterMs('120', now), 120_000)
  t.equal(retryAfterMs('Thu, 01 Jan 2026 00:01:00 GMT', now), 60_000)
  t.equal(retryAfterMs('Wed, 31 Dec 2025 00:00:00 GMT', now), 0)
  for (const nonsense of [undefined, '', 'soon', '-1', '1.5', '99999999999999']) {
    t.equal(retryAfterMs(nonsense, now), undefined, String(nonsense))
  }
  t.end()
})

t.test('answers that make no sense read as nothing, never as an error', t => {
  for (const bytes of [[0x0a, 0xff], [0x0a, 0x05, 0x08], [0xff, 0xff, 0xff], [0x08, 0x80], [0x0b], [0x0d, 1]]) {
    t.same(partialSuccessProtobuf(Buffer.from(bytes)), { rejected: 0, message: '' })
    t.equal(retryDelayMs(Buffer.from(bytes)), undefined)
    t.equal(statusMessage('application/x-protobuf', Buffer.from(bytes)), undefined)
  }
  t.equal(statusMessage('application/json', Buffer.from('{')), undefined)
  t.equal(statusMessage('text/html', Buffer.from('<html>')), undefined)
  t.end()
})

t.test('a negative number of rejected items is none', t => {
  const minusOne = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
  t.equal(partialSuccessProtobuf(Buffer.from([0x0a, minusOne.length, ...minusOne])).rejected, 0)
  t.end()
})
