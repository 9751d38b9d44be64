import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { deadLetterErrors } from '../../core/delivery/dead-letters.js'
import { queueErrors } from '../../core/queue/errors.js'
import { gatewayErrors } from '../gateway/errors.js'
import { errorsPage, errorTexts } from './docs-errors.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))

t.test('the page lists every code there is, and is fresh', async t => {
  t.ok(readFileSync(`${root}docs/reference/errors.md`, 'utf8') === errorsPage(root), 'run `npm run docs:generate`')
  const codes = new Set(errorTexts(root).map(one => one.code))
  for (const code of [...queueErrors.codes, ...deadLetterErrors.codes, ...gatewayErrors.codes])
    t.ok(codes.has(code), code)
})

t.test('codes are unique and every text says something', async t => {
  const texts = errorTexts(root)
  t.equal(new Set(texts.map(one => one.code)).size, texts.length)
  for (const { code, text } of texts) t.ok(text.length > 10, `${code}: ${text}`)
})
