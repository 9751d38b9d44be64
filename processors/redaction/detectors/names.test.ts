// The examples of the detectors that are off by default, beside all the others.

import t from 'tap'
import type { Example } from '../detector.js'
import { NOWHERE, Scanner } from '../scan/scanner.js'
import { DETECTORS, OPTIONAL } from './index.js'

const scanner = new Scanner([...DETECTORS, ...OPTIONAL])

function redact(text: string): string {
  const bytes = Buffer.from(text)
  const mask = scanner.prefilter.mask(bytes, 0, bytes.length)
  if (mask === 0 && !scanner.mayHold(bytes, 0, bytes.length)) return text
  let out = ''
  let at = 0
  for (const { start, end, detector } of scanner.scan(text, mask, NOWHERE)) {
    out += `${text.slice(at, start)}<${detector.name}>`
    at = end
  }
  return out + text.slice(at)
}

const textOf = (example: Example): string => (typeof example === 'string' ? example : example.text)

for (const detector of OPTIONAL) {
  t.test(`${detector.name} hits its examples and nothing around them`, async t => {
    for (const text of detector.hits.map(textOf))
      t.equal(redact(text.replace(/[‹›]/g, '')), text.replace(/‹[^›]*›/g, `<${detector.name}>`), text)
  })
  t.test(`${detector.name} leaves its look-alikes alone`, async t => {
    for (const text of detector.misses.map(textOf)) t.equal(redact(text), text)
  })
}

t.test('a name is found behind escapes, and beside what the other detectors find', async t => {
  t.equal(redact('note=spoke%20to%20Alan%20Turing%20today'), 'note=spoke%20to%20<names>%20today')
  t.equal(redact('Alan Turing wrote from alan@example.org'), '<names> wrote from <email>')
})
