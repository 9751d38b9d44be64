// `algoflow-gateway explain-trace ID`: what sampling did with a trace, and why.

import { EXIT } from '../exit-codes.js'
import { ask, DEFAULT_ADMIN } from './ask.js'
import type { AddCommands, Shell } from './cli.js'

interface Decision {
  readonly window: string
  readonly traceId: string
  readonly state: 'undecided' | 'kept' | 'held' | 'dropped'
  readonly rule: string
  readonly decidedAt: number
  readonly when?: string
  readonly items: number
  readonly hasError: boolean
  readonly isLateError: boolean
  readonly weight?: number
}

const STATES: Readonly<Record<Decision['state'], string>> = {
  undecided: 'is not over: no decision yet',
  kept: 'was kept',
  held: 'was dropped; an error that arrives now would still bring it back',
  dropped: 'was dropped'
}

export const addExplainTrace: AddCommands = (program, shell, exit) => {
  program
    .command('explain-trace')
    .description('what sampling did with a trace, and why')
    .argument('<trace-id>', '32 hexadecimal digits')
    .option('--admin <url>', 'admin endpoint of the gateway', shell.env['ALGOFLOW_GATEWAY_ADMIN'] ?? DEFAULT_ADMIN)
    .action(async (id: string, { admin }: { admin: string }) => exit(await explain(id, admin, shell)))
}

async function explain(id: string, admin: string, shell: Shell): Promise<number> {
  const found = (await ask(admin, `/traces/${encodeURIComponent(id)}`, shell)) as readonly Decision[] | undefined
  if (found === undefined) return EXIT.failed
  for (const decision of found) shell.out(`${sentence(decision)}\n`)
  return EXIT.ok
}

const REASONS: Readonly<Record<string, string>> = {
  workflow_over: 'the workflow was over',
  after_root: 'the root span had come',
  waited: 'no root span came in time',
  too_large: 'it had grown too large',
  too_many: 'too many traces were undecided',
  late_error: 'an error came late'
}

function reasonOf(when: string | undefined): string {
  const reason = REASONS[when ?? '']
  return reason === undefined ? '' : `, when ${reason}`
}

function sentence({
  window,
  traceId,
  state,
  rule,
  decidedAt,
  when,
  items,
  hasError,
  isLateError,
  weight
}: Decision): string {
  const parts = [
    `${traceId} ${STATES[state]}`,
    ...(state === 'undecided' ? [] : [`rule: ${rule}`]),
    // Of a trace that is remembered as dropped and no more, there is nothing else to tell.
    ...(decidedAt === 0 ? [] : [`decided: ${new Date(decidedAt).toISOString()}${reasonOf(when)}`]),
    ...(decidedAt === 0 && state === 'dropped' ? [] : [`items: ${items}`]),
    ...(hasError ? [isLateError ? 'an error brought it back' : 'it has an error'] : []),
    ...(weight === undefined ? [] : [`stands for ${Number(weight.toPrecision(4))} traces`]),
    `by: ${window}`
  ]
  return parts.join('\n  ')
}
