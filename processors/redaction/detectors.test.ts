// Every declared example, through the whole scanner with all detectors on: what must hit and what must not.

import t from 'tap'
import type { Example } from './detector.js'
import { DETECTORS } from './detectors/index.js'
import { NOWHERE, Scanner } from './scan/scanner.js'

const scanner = new Scanner(DETECTORS)

/** The text with every finding replaced by its detector's name, as the processor would. */
function redact(text: string, key: string | undefined): string {
  const bytes = Buffer.from(text)
  const where = key === undefined ? NOWHERE : scanner.where(key)
  const mask = scanner.prefilter.mask(bytes, 0, bytes.length)
  if (mask === 0 && !scanner.wakes(where)) return text
  let out = ''
  let at = 0
  for (const finding of scanner.scan(text, mask, where)) {
    out += `${text.slice(at, finding.start)}<${finding.detector.name}>`
    at = finding.end
  }
  return out + text.slice(at)
}

function split(example: Example): { key: string | undefined; text: string } {
  return typeof example === 'string' ? { key: undefined, text: example } : example
}

for (const detector of DETECTORS) {
  t.test(`${detector.name} hits its examples and nothing around them`, async t => {
    for (const example of detector.hits) {
      const { key, text } = split(example)
      const expected = text.replace(/‹[^›]*›/g, `<${detector.name}>`)
      t.equal(redact(text.replace(/[‹›]/g, ''), key), expected, text)
    }
  })
  t.test(`${detector.name} and all others leave its look-alikes alone`, async t => {
    for (const example of detector.misses) {
      const { key, text } = split(example)
      t.equal(redact(text, key), text)
    }
  })
}

t.test('ordinary texts are passed by tier 1: what the gateway costs hangs on it', async t => {
  const ordinary = [
    'step aggregate',
    'load input',
    'AlgoFlow.Steps.Aggregate.run',
    'AlgoFlow.Telemetry',
    'write failed: connection reset by peer',
    'https://api.internal/v2/embed-corpus/0e4d619a-719e-4c73-a0bb-4a6d7fde338c?page=2&limit=100',
    '029f3a8b64437d842cdd491adca68f4d',
    'worker-7f9c6d5b8-x2x9z',
    'application/x-protobuf',
    'opentelemetry',
    'POST /v1/traces'
  ]
  for (const text of ordinary) {
    const bytes = Buffer.from(text)
    t.equal(scanner.prefilter.mask(bytes, 0, bytes.length), 0, text)
  }
})
