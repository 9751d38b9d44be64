// The program `algoflow-gateway` behind its entry (main.ts): what the command line works with here.

import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { RECEIVERS } from '../gateway/receivers/index.js'
import { tuneRuntime } from '../gateway/runtime.js'
import { registryWith } from '../registry.js'
import { addAudit } from './audit.js'
import { commandTree, runCli, type StartOptions } from './cli.js'
import { addExplainTrace } from './explain-trace.js'
import { addKeys } from './keys.js'
import { addQueueCommands } from './queue.js'
import { addReload } from './reload.js'

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** The gateway is loaded only when it is to run: other commands answer faster and need no native modules. */
async function start(options: StartOptions): Promise<number> {
  tuneRuntime()
  const name = options.role === 'deliver' ? 'worker' : 'gateway'
  const program: string = new URL(`../${name}/main.js`, import.meta.url).href
  const { run } = (await import(program)) as { run(options: object): Promise<number> }
  return run({ ...options, version })
}

const shell = {
  out: (text: string) => void process.stdout.write(text),
  err: (text: string) => void process.stderr.write(text),
  input: () => text(process.stdin),
  env: process.env,
  version,
  registry: registryWith(RECEIVERS),
  start
}
const MORE = [addReload, addQueueCommands, addExplainTrace, addAudit, addKeys]

/** What the command line offers, for those who hold texts against it. */
export const commands = () => commandTree(shell, MORE, () => {})

/** Runs one command line (without node and script); the exit code. */
export function runProgram(args: readonly string[]): Promise<number> {
  return runCli(args, shell, MORE)
}
