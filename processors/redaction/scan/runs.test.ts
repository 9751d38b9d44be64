// What is looked for by hand, for speed, against the regular expressions that say the same.

import fc from 'fast-check'
import t from 'tap'
import { base64Runs } from './base64.js'
import { hexRuns } from './hex.js'
import { windowsOf } from './numbers.js'
import { Lexicon, wordsOf } from './words.js'

const piece = (...texts: string[]): fc.Arbitrary<string> => fc.constantFrom(...texts)
const textOf = (one: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(one, { maxLength: 40 }).map(parts => parts.join(''))

t.test('hexadecimal text is found wherever it stands', async () => {
  const noise = piece('0', '4', '8', 'a', 'C', ' ', ':', '-', 'x', 'g', '"', '\n', '\u00e9')
  fc.assert(
    fc.property(
      textOf(noise),
      fc.stringMatching(/^[a-z ]{10,14}$/),
      piece('', ' ', ':'),
      textOf(noise),
      (before, text, gap, after) => {
        const hex = Buffer.from(text).toString('hex').match(/../g)!.join(gap)
        const found = hexRuns(`${before}, ${hex}, ${after}`)
        return found.some(run => run.text === text)
      }
    )
  )
})

t.test('base64 text is found wherever it stands, with its padding', async () => {
  const noise = piece('a', 'B', '1', '/', '=', '_', ' ', '.', '\u00e9')
  fc.assert(
    fc.property(textOf(noise), fc.stringMatching(/^[a-z ]{3,14}$/), textOf(noise), (before, text, after) => {
      const run = Buffer.from(`Ab ${text}`).toString('base64')
      const whole = `${before} ${run} ${after}`
      const found = base64Runs(whole).find(one => one.text === `Ab ${text}`)
      return found !== undefined && whole.slice(found.start, found.end) === run
    })
  )
})

const GAP = /^(?:[ .\-/+]|\) ?|\)-|\)\.| ?\(|-\(|\.\(| - |\) - ?| {2})$/

t.test('groups of digits belong together by the separators that the pattern lists', async () => {
  fc.assert(
    fc.property(textOf(piece(' ', '.', '-', '/', '+', '(', ')', ',', '*', 'a', '\n')), gap => {
      const isOne = windowsOf(`4711${gap.slice(0, 5)}0815`).length > 0
      return isOne === (GAP.test(gap.slice(0, 5)) || gap === '')
    }),
    { numRuns: 2000 }
  )
})

t.test('a lexicon knows its words in any case, and finds the same words as spelling them all out', async () => {
  const known = ['card', 'number', 'ssn', 'id', 'a']
  const lexicon = new Lexicon(known)
  const parts = piece('card', 'Number', 'SSN', 'id', 'A', 'b', 'XML', 'reader', '_', ' ', '1', '-D', '\u00e4', '\u4f60')
  fc.assert(
    fc.property(textOf(parts), text => {
      const all = wordsOf(text)
      const seen = lexicon.wordsOf(text)
      return (
        all.length === seen.length &&
        all.every(({ text: word, start, end }, i) => {
          const isKnown = known.includes(word) || /[^a-z]/.test(word)
          return seen[i]!.start === start && seen[i]!.end === end && seen[i]!.text === (isKnown ? word : '')
        })
      )
    })
  )
})
