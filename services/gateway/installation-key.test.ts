import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { installationKey } from './installation-key.js'

t.test('the key is made once, kept, and readable by its owner alone', async t => {
  const dir = join(t.testdir(), 'data')
  const key = installationKey(dir)
  t.match(key, /^[0-9a-f]{64}$/)
  t.equal(installationKey(dir), key)
  t.equal(statSync(join(dir, 'installation.key')).mode & 0o777, 0o600)
  t.not(installationKey(join(t.testdirName, 'other')), key)
})

t.test('a broken key file is never replaced silently', async t => {
  const dir = t.testdir({ 'installation.key': 'half' })
  t.throws(() => installationKey(dir), { code: 'KEY_FILE_BROKEN' })
  t.equal(readFileSync(join(dir, 'installation.key'), 'utf8'), 'half')
})

t.test('a place that cannot be used is named', async t => {
  const dir = t.testdir({ file: '' })
  writeFileSync(join(dir, 'file'), 'x')
  chmodSync(join(dir, 'file'), 0o600)
  t.throws(() => installationKey(join(dir, 'file')), { code: 'KEY_FILE_UNREADABLE', message: /file.*set a `key`/ })
})
