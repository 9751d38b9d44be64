// The entry: what a person reads when nothing can be loaded.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { EXIT } from '../exit-codes.js'

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))

function runWith(dlopen: string) {
  const before = `data:text/javascript,${encodeURIComponent(`process.dlopen = () => { throw ${dlopen} }`)}`
  return spawnSync(process.execPath, ['--import', before, MAIN, 'version'], { encoding: 'utf8', env: {} })
}

t.test('a native module of another Node is one line that says what to run', async t => {
  const error = `Object.assign(new Error("The module '/x/node_modules/re2/build/re2.node' was compiled"), { code: 'ERR_DLOPEN_FAILED' })`
  const { status, stderr } = runWith(error)
  t.equal(status, EXIT.failed)
  t.match(stderr, `re2 was not built for the Node that runs here (${process.version}). Run \`npm rebuild\``)
  t.equal(stderr.trim().split('\n').length, 1)
})

t.test('any other fault while loading stays visible', async t => {
  const { status, stderr } = runWith(`new Error('something else')`)
  t.not(status, 0)
  t.match(stderr, 'something else')
})

t.test('a reader that has enough (`| head`) is no fault', async t => {
  const child = spawn(process.execPath, [MAIN, 'components'], { stdio: ['ignore', 'pipe', 'pipe'], env: {} })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', text => (told += text))
  child.stdout.destroy()
  const [code] = await once(child, 'close')
  t.equal(told, '')
  t.equal(code, EXIT.ok)
})
