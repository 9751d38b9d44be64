#!/usr/bin/env node
// The entry of `algoflow-gateway`. Native modules are compiled for one version of Node: after a change of Node nothing could be
// loaded, and this says so instead of a stack.

import { EXIT } from '../exit-codes.js'

const url: string = new URL('./program.js', import.meta.url).href
let program: { runProgram(args: readonly string[]): Promise<number> }
try {
  program = (await import(url)) as typeof program
} catch (error) {
  if ((error as { code?: unknown }).code !== 'ERR_DLOPEN_FAILED') throw error
  const [module = 'a native module'] = /(?<=node_modules\/)[^/']+/.exec((error as Error).message) ?? []
  process.stderr.write(
    `algoflow-gateway: ${module} was not built for the Node that runs here (${process.version}). ` +
      'Run `npm rebuild` where it is installed, or use the Node it was installed with.\n'
  )
  // Now: Node 20 would go on to print the stack.
  process.exit(EXIT.failed)
}
// `audit show | head`: who reads has enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(EXIT.ok)
})
process.exitCode = await program.runProgram(process.argv.slice(2))
