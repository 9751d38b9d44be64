// What a text could hold: held against slow and plain spellings of the same.

import fc from 'fast-check'
import t from 'tap'
import { automaton } from './automaton.js'
import { Shape, Shapes } from './shapes.js'

const none = new Shapes({ keywords: [], withDigit: 0, withSixDigits: 0 })

function shapesOf(text: string, shapes = none): number {
  const bytes = Buffer.from(text)
  const framed = Buffer.concat([Buffer.from('@7777777'), bytes, Buffer.from('@7777777')])
  const alone = shapes.mask(bytes, 0, bytes.length)
  if (alone !== shapes.mask(framed, 8, 8 + bytes.length)) throw new Error('what stands beside a text was looked at')
  return alone
}

t.test('each shape is seen, also behind the first sixteen bytes', async t => {
  const filler = 'abcdefg hijklmnopq '
  for (const before of ['', filler, filler + filler]) {
    t.ok(shapesOf(`${before}a@b`) & Shape.at)
    t.ok(shapesOf(`${before}12 345-67`) & Shape.digits)
    t.ok(shapesOf(`${before}1.2.3.4`) & Shape.dotted)
    t.ok(shapesOf(`${before}aa:bb:cc:dd:ee:ff`) & Shape.colons)
    t.ok(shapesOf(`${before}aa-bb-cc-dd-ee-ff`) & Shape.colons)
    t.ok(shapesOf(`${before}2001:db8::1`) & Shape.colons)
    t.ok(shapesOf(`${before}Zm9vYmFyYmF6cXV4`) & Shape.token)
    t.ok(shapesOf(`${before}X1234567L`) & Shape.mixed)
    t.ok(shapesOf(`${before}a%40b`) & Shape.escapes)
    t.ok(shapesOf(`${before}a &#64; b`) & Shape.escapes)
    t.ok(shapesOf(`${before}é`) & Shape.nonAscii)
  }
})

t.test('plain words, ids and times have none', async t => {
  for (const text of [
    '',
    'GET',
    'load input',
    '14699d8d-3884-4931-a950-edf616911d87',
    'at 12:30:59',
    'v1.2.3',
    '100%'
  ]) {
    t.equal(shapesOf(text), 0, text)
  }
  t.equal(shapesOf('5d41402abc4b2a76b9719d911017c592'), 0, 'a digest')
})

t.test('single bytes are classed as their character says', async t => {
  for (let c = 0; c < 128; c++) {
    const char = String.fromCharCode(c)
    t.equal((shapesOf(`ab ${char}d ef`) & Shape.at) !== 0, char === '@', `at ${c}`)
    t.equal((shapesOf(`ab ${char}40 ef`) & Shape.escapes) !== 0, char === '%' || char === '\\', `escape ${c}`)
    t.equal((shapesOf(`1234567${char}x`) & Shape.digits) !== 0, true, `digits ${c}`)
  }
})

const WORDS = [
  '|ssn|',
  'phone number',
  'email',
  '|sk-',
  '|de00',
  'ghp_',
  '--begin',
  'naïve',
  '://',
  'd o b',
  '|ip',
  'pwd|'
]

t.test('a word is found wherever it stands, and only where it may', async t => {
  const bits = WORDS.map((_, i) => 1 << (16 + (i % 12)))
  const shapes = new Shapes({
    keywords: WORDS.map((word, i) => ({ word, bits: bits[i]! })),
    withDigit: 0,
    withSixDigits: 0
  })
  const text = fc
    .array(fc.oneof(fc.constantFrom(...WORDS.map(w => w.replace(/\|/g, ''))), fc.string({ maxLength: 4 })), {
      maxLength: 6
    })
    .map(parts => `${parts.join('')} and more text`)
  fc.assert(
    fc.property(text, text => {
      // Letters inside UUIDs are no words; none is made here.
      const got = shapesOf(text, shapes)
      for (const [i, word] of WORDS.entries()) {
        if (patternOf(word).test(text) !== ((got & bits[i]!) !== 0)) return false
      }
      return true
    }),
    { numRuns: 3000 }
  )
  t.pass()
})

t.test('bits that mean nothing without digits need some', async t => {
  const shapes = new Shapes({
    keywords: [
      { word: 'phone', bits: 1 << 16 },
      { word: 'birth', bits: 1 << 17 }
    ],
    withDigit: (1 << 16) | (1 << 17),
    withSixDigits: 1 << 16
  })
  t.equal(shapesOf('phone and birth', shapes), 0)
  t.equal(shapesOf('phone and birth 1', shapes), 1 << 17)
  t.equal(shapesOf('phone and birth 12 34 5 6', shapes) >>> 16, 3)
})

t.test('every word leaves a piece', async t => {
  for (const word of WORDS)
    t.ok(
      automaton([{ word, bits: 1 }]).pieces.some(byte => byte !== 0),
      word
    )
})

/** The keyword in the terms of a regular expression. */
function patternOf(word: string): RegExp {
  const open = word.startsWith('|')
  const close = word.endsWith('|')
  const inner = word
    .slice(open ? 1 : 0, close ? -1 : undefined)
    .replace(/[^a-z0-9]+/g, '[^A-Za-z0-9]+')
    .replace(/(?<!A-Za-z)0(?!-9)/g, '[0-9]')
  return new RegExp(`${open ? '(?<![A-Za-z0-9])' : ''}${inner}${close ? '(?![A-Za-z0-9])' : ''}`, 'i')
}
