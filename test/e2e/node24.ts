// Node 24 from the npm registry, for tests on a machine that runs Node 20.

import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { cache, command } from './harness.js'

export const NODE24 = '24.21.0'

/** Folder of Node 24 with `bin/node` and the headers that native modules are compiled with. */
export async function node24(): Promise<string> {
  const folder = await cache(`node-${NODE24}`)
  const home = join(folder, 'package')
  const isThere = await access(join(home, 'bin/node')).then(
    () => true,
    () => false
  )
  if (isThere) return home
  const name = `node-${process.platform}-${process.arch}`
  await command('npm', ['pack', '--silent', `${name}@${NODE24}`], { cwd: folder, withinMs: 300_000 })
  const archive = (await readdir(folder)).find(file => file.endsWith('.tgz'))!
  await command('tar', ['xzf', archive], { cwd: folder, withinMs: 120_000 })
  return home
}
