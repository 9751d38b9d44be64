// The YAML of docs/compliance.md, and of configuration.md on reloading, are configs that are accepted.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { loadConfig } from '../../core/config/load.js'
import { problemText } from '../../core/config/problem.js'
import { RECEIVERS } from '../gateway/receivers/index.js'
import { registryWith } from '../registry.js'

const page = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')

const TEXTS = {
  'compliance.md': page('compliance.md'),
  'configuration.md': page('configuration.md').split('## Changing')[1]!
}

for (const [name, text] of Object.entries(TEXTS)) {
  t.test(`examples of ${name}`, async t => {
    const blocks = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => block!)
    t.ok(blocks.length > 0)
    for (const block of blocks) {
      const { problems } = loadConfig({ text: block, env: {}, registry: registryWith(RECEIVERS) })
      t.same(problems.map(problemText), [], block)
    }
  })
}

t.test('the actions that the gateway records are those that compliance.md lists', async t => {
  const listed = [...TEXTS['compliance.md'].matchAll(/^\| (`.*?`) \|/gm)]
    .flatMap(([, cell]) => [...cell!.matchAll(/`([\w.]+)`/g)].map(([, action]) => action!))
    .filter(action => /^(gateway|config|dead_letters|audit)?\.\w+$/.test(action))
  const sources = ['gateway/control/control.ts', 'gateway/admin/dead-letters.ts'].map(path =>
    readFileSync(new URL(`../../../services/${path}`, import.meta.url), 'utf8')
  )
  const trail = readFileSync(new URL('../../../core/audit/trail.ts', import.meta.url), 'utf8')
  const found = [...sources, trail].join('\n').matchAll(/'((?:gateway|config|dead_letters|audit)\.\w+)'/g)
  const actions = new Set([...found].map(([, action]) => action!))
  for (const action of actions) {
    const short = `.${action.split('.')[1]}`
    t.ok(listed.includes(action) || listed.includes(short), action)
  }
  t.ok(actions.size >= 6)
})
