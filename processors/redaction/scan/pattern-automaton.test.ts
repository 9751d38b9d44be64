// The automaton of a pattern against RE2 itself: it must find wherever RE2 does.

import { createRequire } from 'node:module'
import fc from 'fast-check'
import type RE2 from 're2'
import t from 'tap'
import { automatonOf } from './pattern-automaton.js'
import { Measure, needsOf } from './pattern-needs.js'

const Expression = createRequire(import.meta.url)('re2') as typeof RE2

const PATTERNS = [
  '\\b4[0-9]{12}(?:[0-9]{3})?\\b',
  '\\b[0-9]{3}-[0-9]{2}-[0-9]{4}\\b',
  '[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}',
  '\\+?1?[ .-]?\\(?[0-9]{3}\\)?[ .-][0-9]{3}[ .-][0-9]{4}\\b',
  '\\b(?:[0-9]{1,3}\\.){3}[0-9]{1,3}\\b',
  '\\b[A-Z]{2}[0-9]{2}[A-Z0-9]{3,6}\\b',
  '\\beyJ[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\b',
  '(?i)emp-([0-9]{2})',
  '^start',
  'end$',
  'a|bc|',
  '(a|b)*c',
  '(?:ab?){2,3}?d',
  'x\\B.',
  '(?s)a.b',
  'a.b',
  '[^a-c]z',
  '[[:digit:]]+[[:^alpha:]]',
  '\\s\\S\\W\\D',
  '(?P<name>q+)r',
  '[]a]b',
  '[a\\]-]+1',
  '\\x41b',
  '(?i:A)b',
  'a{0}b{2}'
]

/** What core/otlp/sieve does with the tables. */
function finds(pattern: string, text: string): boolean {
  const { classes, next, width, end } = automatonOf(pattern)!
  let state = 0
  for (const char of text) {
    state = next[state * width + classes[char.charCodeAt(0)]!]!
    if (state === 1) return true
  }
  return next[state * width + end] === 1
}

const pieces = fc.constantFrom(
  ...[
    '4111111111111111',
    '219-09-9999',
    'ada@example.org',
    '+1 (415) 555-2671',
    '10.0.0.1',
    'DE89AB1',
    'eyJx.y',
    'EMP-12'
  ],
  ...[
    'start',
    'end',
    'abc',
    'aad',
    'x',
    'xa',
    'a\nb',
    'z',
    'dz',
    '1!',
    ' a- ',
    'qqr',
    ']b',
    '-]1',
    'Ab',
    'bb',
    '_',
    ' ',
    '.'
  ]
)
const ascii = fc.string({ unit: fc.integer({ min: 0, max: 127 }).map(c => String.fromCharCode(c)), maxLength: 12 })
const text = fc.array(fc.oneof(pieces, ascii), { maxLength: 5 }).map(parts => parts.join(''))

for (const pattern of PATTERNS) {
  t.test(`${pattern} is found where RE2 finds it`, async t => {
    const expression = new Expression(pattern)
    fc.assert(
      fc.property(text, text => {
        const found = expression.test(text)
        // Blanks are taken to have a vertical tab, and not to have it: there it may find more.
        return finds(pattern, text) === found || (!found && text.includes('\v'))
      }),
      { numRuns: 300 }
    )
    t.pass()
  })
}

t.test('what it does not understand, or what needs too many states, is left to RE2', async t => {
  for (const pattern of ['\\pL', '(?m)^a', '\\Qa\\E', 'a{500}', '(', '[a', 'a)', '*a', '\\C', '(?=a)', '[ab].{20}x']) {
    t.equal(automatonOf(pattern), undefined, pattern)
  }
})

for (const pattern of [
  ...PATTERNS,
  '\\p{L}{2}1',
  '(?m)^ab$',
  '(?i)[k-m]9',
  '[^\\x00-\\x2f\\x3a-\\x7f]',
  'é+1',
  '[a-é]\\d{2}'
]) {
  t.test(`${pattern} matches no text without what it needs`, async t => {
    const expression = new Expression(pattern)
    const needs = needsOf(pattern)
    const measure = new Measure()
    const beyond = fc.oneof(
      text,
      fc.tuple(text, fc.constantFrom('é1', 'K9', '²', 'ſ', 'b\u00e912')).map(both => both.join(''))
    )
    fc.assert(
      fc.property(beyond, text => {
        const bytes = Buffer.from(text)
        measure.take(bytes, 0, bytes.length)
        return measure.meets(needs) || !expression.test(text)
      }),
      { numRuns: 300 }
    )
    t.pass()
  })
}
