// The command line `algoflow-gateway`. Everything it touches comes in through `Shell`, so that tests can run it.

import type { Command as Commands } from 'commander'
import { Command, CommanderError } from 'commander'
import type { Loaded } from '../../core/config/load.js'
import { loadConfig } from '../../core/config/load.js'
import { problemText } from '../../core/config/problem.js'
import type { Declared, Registry } from '../../core/config/registry.js'
import { EXIT } from '../exit-codes.js'
import { explanation } from './explain.js'

export interface Shell {
  out(text: string): void
  err(text: string): void
  readonly env: Readonly<Record<string, string | undefined>>
  readonly version: string
  readonly registry: Registry
  /** What is given on standard input, whole. */
  input?(): Promise<string>
  /** Runs the gateway until it is told to stop; the exit code. */
  start(options: StartOptions): Promise<number>
}

export interface StartOptions {
  readonly config?: string
  readonly set?: string[]
  /** `deliver`: without receivers; `receive`: others deliver. Default: both. */
  readonly role?: 'receive' | 'deliver'
}

/** Adds commands to the program; `exit` sets the exit code. Later commands (queue, audit, ...) come in this way. */
export type AddCommands = (program: Commands, shell: Shell, exit: (code: number) => void) => void

/** Runs one command line (without node and script) and gives its exit code. Never throws. */
export async function runCli(
  args: readonly string[],
  shell: Shell,
  more: readonly AddCommands[] = []
): Promise<number> {
  let code: number = EXIT.ok
  const exit = (to: number) => {
    code = to
  }
  const program = commandTree(shell, more, exit)
  if (args.length === 0) {
    program.outputHelp({ error: true })
    return EXIT.usage
  }
  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    shell.err(`algoflow-gateway: ${error instanceof Error ? error.message : String(error)}\n`)
    return EXIT.failed
  }
}

/** Every command with its options, not run yet; `exit` gets the exit code of the one that runs. */
export function commandTree(shell: Shell, more: readonly AddCommands[], exit: (code: number) => void): Commands {
  const program = programOf(shell, exit)
  for (const add of more) add(program, shell, exit)
  quietAll(program, shell)
  return program
}

function quietAll(program: Commands, shell: Shell): void {
  for (const command of program.commands) quietAll(quiet(command, shell), shell)
}

function quiet(command: Commands, shell: Shell): Commands {
  return command
    .exitOverride()
    .configureOutput({ writeOut: text => shell.out(text), writeErr: text => shell.err(text) })
    .showHelpAfterError('Run `algoflow-gateway help` to see what there is.')
}

function programOf(shell: Shell, exit: (code: number) => void): Commands {
  const program = quiet(new Command('algoflow-gateway'), shell)
    .description('AlgoFlow telemetry gateway: OTLP in, personal data out, nothing accepted is lost.')
    .version(shell.version, '-V, --version', 'print the version')
    .helpCommand('help [command]', 'print help')
    .addHelpText(
      'after',
      `\nExit codes: ${EXIT.ok} fine, ${EXIT.failed} failed, ${EXIT.usage} wrong command line, ${EXIT.config} the config has problems.`
    )
  program
    .command('start')
    .description('run the gateway; without a config file the safe defaults run (see `explain`)')
    .argument('[file]', 'config file (YAML): the same as --config')
    .option('-c, --config <file>', 'config file (YAML)')
    .option(
      '-s, --set <key=value>',
      'change one setting, e.g. service.telemetry.logs.level=debug; may be repeated',
      gather
    )
    .option('--receive-only', 'take data that workers deliver; needs a Redis queue')
    .action(async (file: string | undefined, options: StartOptions & { receiveOnly?: boolean }, command: Commands) => {
      if (file !== undefined && options.config !== undefined)
        command.error(`two config files: ${file}, ${options.config}`)
      exit(await shell.start(startOptions(file ?? options.config, options)))
    })
  program
    .command('worker')
    .description('deliver what gateways that share the Redis queue take: the same config, no receivers')
    .requiredOption('-c, --config <file>', 'config file (YAML)')
    .option('-s, --set <key=value>', 'change one setting first; may be repeated', gather)
    .action(async (options: StartOptions) => exit(await shell.start({ ...options, role: 'deliver' })))
  program
    .command('validate')
    .description('check a config file and say everything that is wrong with it')
    .argument('<file>', 'config file (YAML)')
    .option('-s, --set <key=value>', 'change one setting first; may be repeated', gather)
    .option('--json', 'print problems and notes as JSON')
    .action((file: string, options: { json?: boolean; set?: string[] }) => exit(validate(file, options, shell)))
  program
    .command('explain')
    .description('print the whole config that would run, with the order of processors and what it promises; no secrets')
    .argument('[file]', 'config file (YAML); without it the defaults')
    .option('-s, --set <key=value>', 'change one setting first; may be repeated', gather)
    .action((file: string | undefined, options: { set?: string[] }) => exit(explain(file, options, shell)))
  program
    .command('components')
    .description('list the receivers, processors and exporters of this build')
    .option('--json', 'print JSON')
    .action((options: { json?: boolean }) => components(options, shell))
  program
    .command('version')
    .description('print the version')
    .action(() => shell.out(`${shell.version}\n`))
  return program
}

function startOptions(
  config: string | undefined,
  { set, receiveOnly }: StartOptions & { receiveOnly?: boolean }
): StartOptions {
  return {
    ...(config === undefined ? {} : { config }),
    ...(set === undefined ? {} : { set }),
    ...(receiveOnly === true ? { role: 'receive' } : {})
  }
}

function gather(value: string, before: string[] = []): string[] {
  return [...before, value]
}

function load(file: string | undefined, set: string[] | undefined, shell: Shell): Loaded {
  return loadConfig({
    env: shell.env,
    registry: shell.registry,
    ...(file === undefined ? {} : { file }),
    ...(set === undefined ? {} : { set })
  })
}

function validate(file: string, options: { json?: boolean; set?: string[] }, shell: Shell): number {
  const loaded = load(file, options.set, shell)
  const { problems, notes, config } = loaded
  if (options.json === true) shell.out(`${JSON.stringify({ problems, notes }, null, 2)}\n`)
  else {
    tell(loaded, shell)
    if (config === undefined) return EXIT.config
    const { pipelines, processors, exporters } = config
    const parts = [
      counted(pipelines.length, 'pipeline'),
      counted(processors.size, 'processor'),
      counted(exporters.size, 'exporter')
    ]
    shell.out(`${file}: fine (${parts.join(', ')})\n`)
  }
  return problems.length > 0 ? EXIT.config : EXIT.ok
}

function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}

/** Problems and notes on standard error, and how many there are. */
function tell({ problems, notes }: Loaded, shell: Shell): void {
  for (const p of [...problems, ...notes]) shell.err(`${problemText(p)}\n`)
  if (problems.length > 0) shell.err(`${counted(problems.length, 'problem')}\n`)
}

function explain(file: string | undefined, options: { set?: string[] }, shell: Shell): number {
  const loaded = load(file, options.set, shell)
  tell(loaded, shell)
  if (loaded.config === undefined) return EXIT.config
  shell.out(`${loaded.expanded}\n${explanation(loaded.config, shell.registry)}\n`)
  return EXIT.ok
}

function components(options: { json?: boolean }, shell: Shell): void {
  const kinds = ['receivers', 'processors', 'exporters'] as const
  if (options.json === true) {
    const facts = ({ type, aliases = [], signals, stability, stage, about }: Declared) => ({
      type,
      aliases,
      signals,
      stability,
      stage,
      about
    })
    const all = Object.fromEntries(kinds.map(kind => [kind, shell.registry[kind].map(facts)]))
    shell.out(`${JSON.stringify(all, null, 2)}\n`)
    return
  }
  for (const kind of kinds) {
    shell.out(`${kind}\n`)
    const width = Math.max(0, ...shell.registry[kind].map(d => d.type.length))
    for (const d of shell.registry[kind]) {
      const also = d.aliases !== undefined && d.aliases.length > 0 ? ` (also ${d.aliases.join(', ')})` : ''
      shell.out(
        `  ${d.type.padEnd(width)}  ${d.stability.padEnd(6)}  ${d.signals.join(', ').padEnd(21)}  ${d.about}${also}\n`
      )
    }
  }
}
