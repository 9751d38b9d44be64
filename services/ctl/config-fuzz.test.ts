// Config files that nobody would write: loadConfig answers each one with problems, never with an exception.

import fc from 'fast-check'
import t from 'tap'
import { stringify } from 'yaml'
import { loadConfig } from '../../core/config/load.js'
import { problemText } from '../../core/config/problem.js'
import { referenceFiles } from '../../core/config/reference.js'
import { RECEIVERS } from '../gateway/receivers/index.js'
import { registryWith } from '../registry.js'

const registry = registryWith(RECEIVERS)
const load = (text: string) => loadConfig({ text, env: { TOKEN: 'hunter2' }, registry })
const example = referenceFiles(registry).get('example.yaml')!
const words = [
  'receivers',
  'exporters',
  'service',
  'pipelines',
  'otlp',
  'file',
  'debug',
  'redaction',
  '${env:TOKEN}',
  '5s',
  '<<',
  '*a',
  '&a',
  '__proto__'
]

t.test('any text is answered', async t => {
  const piece = fc.oneof(
    fc.constantFrom(...words, ': ', '\n', '  ', '- ', '{', '}', '[', ']', '"', '|', '#', '\t'),
    fc.string({ maxLength: 5 })
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), pieces => {
      const { config, problems } = load(pieces.join(''))
      return (config === undefined) === problems.length > 0
    }),
    { numRuns: 500 }
  )
  t.pass('500 texts')
})

t.test('any values in the known places are answered, with a text for each problem', async t => {
  const leaf = fc.oneof(
    fc.constantFrom<unknown>(null, 0, -1, 5, true, '', '5s', '1GiB', [], {}, ...words),
    fc.string(),
    fc.double()
  )
  const { value } = fc.letrec(tie => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...words, 'path', 'endpoint', 'timeout'), tie('value'), { maxKeys: 3 })
    )
  }))
  const sections = fc.record(
    { receivers: value, processors: value, exporters: value, queue: value, service: value, telemetry: value },
    { requiredKeys: [] }
  )
  fc.assert(
    fc.property(sections, file => {
      const { config, problems } = load(stringify(file))
      return (
        (config === undefined) === problems.length > 0 &&
        problems.every(p => problemText(p).length > 10 && p.says !== '')
      )
    }),
    { numRuns: 500 }
  )
  t.pass('500 files')
})

t.test('any line of the example may go or be doubled', async t => {
  const lines = example.split('\n')
  fc.assert(
    fc.property(fc.nat(lines.length - 1), fc.boolean(), (at, isDoubled) => {
      const { config, problems } = load(
        lines.toSpliced(at, 1, ...(isDoubled ? [lines[at]!, lines[at]!] : [])).join('\n')
      )
      return (config === undefined) === problems.length > 0
    }),
    { numRuns: 200 }
  )
  t.pass('200 files')
})

t.test('no secret reaches a problem or the expanded config, wherever it is put', async t => {
  const places = example.split('\n').flatMap((line, i) => (/^\s+[\w]+: \S/.test(line) ? [i] : []))
  fc.assert(
    fc.property(fc.constantFrom(...places), at => {
      const text = example
        .split('\n')
        .with(at, `${example.split('\n')[at]!.replace(/: .*/, '')}: "\${env:TOKEN}"`)
        .join('\n')
      const { problems, notes, expanded } = load(text)
      return !/hunter2/.test([...problems, ...notes].map(problemText).join('\n') + expanded)
    }),
    { numRuns: 100 }
  )
  t.pass('100 places')
})
