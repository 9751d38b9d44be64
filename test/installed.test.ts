// A clone in which nothing is installed, or with an old Node: a build says what to do.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const SCRIPT = fileURLToPath(new URL('../../scripts/installed.mjs', import.meta.url))

function ask(t: Test, node: string, installed: Record<string, Record<string, never>> = {}) {
  const manifest = { engines: { node }, devDependencies: { one: '1', two: '1', three: '1', four: '1' } }
  const cwd = t.testdir({ 'package.json': JSON.stringify(manifest), node_modules: installed })
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT], { cwd, encoding: 'utf8' })
  return { status, says: stderr.trim() }
}

t.test('without npm ci it says so', async t => {
  t.same(ask(t, '>=20.19.0'), { status: 1, says: 'Not installed: one, two, three and 1 more. Run first: npm ci' })
  t.same(ask(t, '>=20.19.0', { one: {}, two: {}, three: {} }), {
    status: 1,
    says: 'Not installed: four. Run first: npm ci'
  })
})

t.test('a Node that is too old is named, and what is needed', async t => {
  const { status, says } = ask(t, '>=999.1.0')
  t.equal(status, 1)
  t.match(says, `needs Node 999.1.0 or newer; here runs ${process.versions.node}`)
})

t.test('a complete clone is built without a word', async t => {
  t.same(ask(t, '>=20.0.0', { one: {}, two: {}, three: {}, four: {} }), { status: 0, says: '' })
})
