// A compiled re2 for an npm install somewhere else: what its install script would fetch from its project's releases, which cannot be
// reached from everywhere, in its own mirror format. Without one it is compiled, which takes minutes.

import { copyFile, readFile, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const BUILT = 'node_modules/re2/build/Release/re2.node'
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** The compiled module of the Node that runs this. */
export const OWN_RE2 = join(ROOT, BUILT)

/** Environment of an `npm ci` that takes the compiled module in `file` for a Node of this ABI; empty when there is none. */
export async function re2Environment(folder: string, file: string, abi: string): Promise<Record<string, string>> {
  if (!(await isThere(file))) return {}
  const name = `${process.platform}-${process.arch}-${abi}.gz`
  await writeFile(join(folder, name), gzipSync(await readFile(file), { level: 1 }))
  return { RE2_DOWNLOAD_MIRROR: folder, RE2_DOWNLOAD_SKIP_PATH: '1', RE2_DOWNLOAD_SKIP_VER: '1' }
}

/** Where the module compiled for the Node in `home` is kept (.ci/node24 writes it too). */
export function keptRe2(home: string): string {
  const { version } = createRequire(import.meta.url)('re2/package.json') as { version: string }
  return join(home, `re2-${version}.node`)
}

/** Keeps what an install in `tree` has compiled. */
export async function keepRe2(tree: string, home: string): Promise<void> {
  if (!(await isThere(keptRe2(home)))) await copyFile(join(tree, BUILT), keptRe2(home))
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false
  )
}
