// The secret of this installation: made once, kept beside the queue, readable by its owner alone. Keyed hashing uses it
// when the config names no key, so that hashes stay the same over restarts without anybody managing a secret. Replicas
// that must agree need a configured key.

import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { catalogue, codeOf } from '../../core/component/errors.js'

const errors = catalogue({
  KEY_FILE_UNREADABLE: (path: string, why: string) =>
    `the installation's key ${path} cannot be read or made (${why}): give this user read and write rights there, or set a \`key\` for hashing`,
  KEY_FILE_BROKEN: (path: string) =>
    `the installation's key ${path} holds no key: restore it from a backup, or remove it (hashes will differ from earlier ones)`
})

const FILE = 'installation.key'

/** The key kept in `dir`, made at the first call. @throws KEY_FILE_UNREADABLE, KEY_FILE_BROKEN */
export function installationKey(dir: string): string {
  const path = join(dir, FILE)
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    return read(path) ?? make(path)
  } catch (error) {
    if (codeOf(error).startsWith('KEY_FILE')) throw error
    throw errors.KEY_FILE_UNREADABLE(path, codeOf(error))
  }
}

function read(path: string): string | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  if (!/^[0-9a-f]{64}$/.test(text)) throw errors.KEY_FILE_BROKEN(path)
  return text
}

/** Written whole or not at all, and never over a key that another process made meanwhile. */
function make(path: string): string {
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 })
  try {
    linkSync(draft, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
  return read(path)!
}
