// docs/privacy.md lists the detectors as they are declared. UPDATE_DOCS=1 writes the list.

import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { DETECTORS, OPTIONAL } from './detectors/index.js'
import { detectorTables } from './reference.js'

const PAGE = new URL('../../../docs/privacy.md', import.meta.url)
const BEGIN = '<!-- detectors: generated -->'
const END = '<!-- /detectors -->'

t.test('the docs page lists every detector as declared (UPDATE_DOCS=1 npx tap ... writes it)', async t => {
  const page = readFileSync(PAGE, 'utf8')
  const [start, end] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)]
  const wanted = `\n\n${detectorTables([...DETECTORS, ...OPTIONAL])}\n\n`
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(PAGE, page.slice(0, start) + wanted + page.slice(end))
  else t.equal(page.slice(start, end), wanted)
})

t.test('names of detectors are unique, and every detector has examples of both kinds', async t => {
  const names = [...DETECTORS, ...OPTIONAL].map(detector => detector.name)
  t.same(names, [...new Set(names)])
  for (const { name, hits, misses } of [...DETECTORS, ...OPTIONAL]) t.ok(hits.length > 0 && misses.length > 0, name)
})
