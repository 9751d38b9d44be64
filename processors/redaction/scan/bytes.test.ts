// Text under another coat: hexadecimal, UTF-16, gzip, look-alike letters. And what only looks like one.

import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { DETECTORS } from '../detectors/index.js'
import { textOf } from './bytes.js'
import { NOWHERE, Scanner } from './scanner.js'

const scanner = new Scanner(DETECTORS)
const namesIn = (text: string): string[] =>
  scanner.scan(text, scanner.maskOf(text), NOWHERE).map(({ detector }) => detector.name)

const LINE = 'mail to ada.lovelace@example.org about card 4111111111111111'

t.test('text in hexadecimal, UTF-16 or gzip is found inside base64 or plain', async t => {
  const email = Buffer.from('ada.lovelace@example.org')
  t.same(namesIn(`raw=${email.toString('hex')} ok`), ['email'])
  t.same(namesIn(`raw=0x${email.toString('hex').toUpperCase()}`), ['email'])
  t.same(namesIn(`body ${Buffer.from(LINE, 'utf16le').toString('base64')}`), ['email'])
  t.same(namesIn(`body ${Buffer.from(`\ufeff${LINE}`, 'utf16le').swap16().toString('base64')}`), ['email'])
  t.same(namesIn(`body ${gzipSync(LINE).toString('base64')}`), ['email'])
  t.same(namesIn(`body ${gzipSync(LINE).toString('base64url')}`), ['email'])
})

t.test('letters of other scripts that look like Latin ones hide nothing', async t => {
  t.same(namesIn('key АKIАIOSFODNN7EXАMPLE'), ['aws_key'])
  t.same(namesIn('DE89 3704 0044 0532 0130 00 / DЕ89370400440532013000'), ['iban', 'iban'])
  t.same(namesIn('обычный текст, потом latin text'), [])
})

t.test('hashes, ids and noise are no text', async t => {
  for (let i = 0; i < 500; i++) {
    t.same(namesIn(`commit ${randomBytes(20).toString('hex')}`), [])
    t.equal(textOf(randomBytes(40)), undefined)
  }
})

t.test('what would grow too much is not opened', async t => {
  const bomb = gzipSync(Buffer.alloc(1_000_000, 'a'))
  t.equal(textOf(bomb), undefined)
  t.equal(textOf(gzipSync(LINE).subarray(0, 30)), undefined)
})
