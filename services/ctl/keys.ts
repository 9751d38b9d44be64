// `algoflow-gateway keys ...`: API keys of senders. A key is 256 random bits; the config keeps its SHA-256 only. A slow or
// salted hash is for what people choose: against 2^256 equally likely keys a fast one gives away nothing (docs/compliance.md).

import { createHash, randomBytes } from 'node:crypto'
import { stringify } from 'yaml'
import { loadConfig } from '../../core/config/load.js'
import { problemText } from '../../core/config/problem.js'
import { EXIT } from '../exit-codes.js'
import type { AddCommands, Shell } from './cli.js'

const PREFIX = 'agk_'
/** Shorter keys were chosen by somebody. */
const SHORT = 32

interface Times {
  readonly notBefore?: string
  readonly expires?: string
}

export const addKeys: AddCommands = (program, shell, exit) => {
  const keys = program
    .command('keys')
    .description('API keys that senders show to receivers (`receivers.otlp.auth.keys`)')
  keys
    .command('new')
    .description('make a key: the key on standard output, what goes into the config on standard error')
    .argument('<name>', 'who it is for; seen in metrics and the audit trail')
    .option('--not-before <time>', 'refused before')
    .option('--expires <time>', 'refused from then on, such as 2027-01-31T00:00:00Z')
    .action((name: string, options: Times) => exit(make(name, options, shell)))
  keys
    .command('hash')
    .description('the entry for a key that is there already, read from standard input')
    .argument('<name>', 'who it is for')
    .option('--not-before <time>', 'refused before')
    .option('--expires <time>', 'refused from then on')
    .action(async (name: string, options: Times) => exit(hash(name, (await shell.input?.()) ?? '', options, shell)))
  keys
    .command('list')
    .description('the keys of a config and whether they are accepted now; no key is shown')
    .argument('<file>', 'config file (YAML)')
    .action((file: string) => exit(list(file, shell)))
}

function make(name: string, times: Times, shell: Shell): number {
  const key = `${PREFIX}${randomBytes(32).toString('base64url')}`
  const text = entry(name, key, times, shell)
  if (text === undefined) return EXIT.usage
  shell.out(`${key}\n`)
  shell.err(`# The key is shown this once. For the config, under receivers.otlp.auth.keys:\n${text}`)
  return EXIT.ok
}

function hash(name: string, input: string, times: Times, shell: Shell): number {
  const key = input.replace(/\r?\n$/, '')
  if (key === '' || /\s/.test(key)) {
    shell.err('a key is one word: give it on standard input, for example with `keys hash NAME < FILE`\n')
    return EXIT.usage
  }
  const text = entry(name, key, times, shell)
  if (text === undefined) return EXIT.usage
  if (key.length < SHORT)
    shell.err('this key is short: whoever gets its hash may guess it. `keys new` makes a good one\n')
  shell.out(text)
  return EXIT.ok
}

/** The key's entry in the config as YAML; undefined after saying what is wrong with it. */
function entry(name: string, key: string, { notBefore, expires }: Times, shell: Shell): string | undefined {
  const wrong = [notBefore, expires].find(time => time !== undefined && Number.isNaN(Date.parse(time)))
  if (wrong !== undefined) {
    shell.err(`"${wrong}" is not a time such as 2027-01-31T00:00:00Z\n`)
    return undefined
  }
  const sha256 = createHash('sha256').update(key).digest('hex')
  const times = { ...(notBefore && { not_before: notBefore }), ...(expires && { expires }) }
  return stringify([{ name, sha256, ...times }])
}

interface Listed {
  readonly name: string
  readonly not_before?: string
  readonly expires?: string
}

function list(file: string, shell: Shell): number {
  const { config, problems } = loadConfig({ file, env: shell.env, registry: shell.registry })
  if (config === undefined) {
    for (const problem of problems) shell.err(`${problemText(problem)}\n`)
    return EXIT.config
  }
  const now = Date.now()
  let found = 0
  for (const [id, receiver] of config.receivers) {
    const { auth } = receiver.config as { auth?: { keys: readonly Listed[] } }
    if (auth === undefined) shell.out(`${id}: takes data from everybody who reaches it\n`)
    for (const { name, not_before: from, expires } of auth?.keys ?? []) {
      found++
      const span = [from && `from ${from}`, expires && `until ${expires}`].filter(Boolean).join(' ')
      shell.out(`${id}: ${name}: ${stateOf(now, from, expires)}${span === '' ? '' : ` (${span})`}\n`)
    }
  }
  shell.out(`${found} ${found === 1 ? 'key' : 'keys'}\n`)
  return EXIT.ok
}

function stateOf(now: number, from: string | undefined, expires: string | undefined): string {
  if (from !== undefined && now < Date.parse(from)) return 'not yet'
  return expires !== undefined && now >= Date.parse(expires) ? 'expired' : 'accepted'
}
