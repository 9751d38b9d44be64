// Builds the WebAssembly module of core/otlp/sieve into dist, when its source is newer than what is there.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const SOURCE = 'core/otlp/sieve/assembly'
const OUT = 'dist/core/otlp/sieve/sieve.wasm'

const newest = Math.max(
  ...[...readdirSync(SOURCE).map(name => join(SOURCE, name)), 'scripts/build-wasm.mjs'].map(changed)
)
if (changed(OUT) < newest) {
  mkdirSync(dirname(OUT), { recursive: true })
  const compiler = join(dirname(createRequire(import.meta.url).resolve('assemblyscript/package.json')), 'bin/asc.js')
  execFileSync(
    process.execPath,
    [
      compiler,
      `${SOURCE}/index.ts`,
      '-o',
      OUT,
      '-O3',
      '--enable',
      'simd',
      '--runtime',
      'stub',
      '--noAssert',
      '--use',
      'abort='
    ],
    { stdio: 'inherit' }
  )
}

function changed(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
