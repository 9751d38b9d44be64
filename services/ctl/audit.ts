// `algoflow-gateway audit ...`: reads the audit trail from the disk; no gateway need run.

import type { AuditRecord, Head, Who } from '../../core/audit/record.js'
import { isNote, readTrail, verify } from '../../core/audit/verify.js'
import { EXIT } from '../exit-codes.js'
import type { AddCommands, Shell } from './cli.js'

/** Where the default config keeps it. */
const DEFAULT_PATH = './data/queue/audit'
const HEAD = /^(\d+):([0-9a-f]{64})$/

export const addAudit: AddCommands = (program, shell, exit) => {
  const audit = program.command('audit').description('the record of who changed what, on disk')
  audit
    .command('verify')
    .description('check that nothing in it was changed, removed or moved')
    .argument('[path]', 'directory of the trail, or one file of it', DEFAULT_PATH)
    .option('--head <seq:hash>', 'a last record noted elsewhere (log, metric): must be in it; may be repeated', gather)
    .option('--json', 'print JSON')
    .action((path: string, options: { head?: string[]; json?: boolean }) => exit(check(path, options, shell)))
  audit
    .command('show')
    .description('print its records')
    .argument('[path]', 'directory of the trail, or one file of it', DEFAULT_PATH)
    .option('--action <name>', 'only this action, or all that begin with it: config, dead_letters.purge')
    .option('--since <time>', 'only from this time on, such as 2026-11-01')
    .option('--json', 'print JSON lines')
    .action((path: string, options: Shown) => exit(show(path, options, shell)))
}

function gather(value: string, before: string[] = []): string[] {
  return [...before, value]
}

function check(path: string, options: { head?: string[]; json?: boolean }, shell: Shell): number {
  const heads = (options.head ?? []).map(headOf)
  const wrong = heads.indexOf(undefined)
  if (wrong >= 0) {
    shell.err(`--head wants NUMBER:HASH, as in the log line or the metric; "${options.head![wrong]}" is none\n`)
    return EXIT.usage
  }
  const verdict = verify(path, heads as Head[])
  const isWhole = verdict.findings.every(isNote)
  if (options.json === true) shell.out(`${JSON.stringify({ ...verdict, isWhole }, null, 2)}\n`)
  else {
    for (const { file, line, says } of verdict.findings) shell.err(`${file}${line > 0 ? `:${line}` : ''}: ${says}\n`)
    const { records, first, last, anchors } = verdict
    const range = last === undefined ? 'no records' : `${records} records, ${first} to ${last.seq}`
    shell.out(`${path}: ${isWhole ? 'whole' : 'NOT WHOLE'} (${range})\n`)
    if (last !== undefined) shell.out(`last record: ${last.seq}:${last.hash}\n`)
    const against = anchors.length === 0 ? 'nothing: a cut end would not show' : anchors.join(', ')
    shell.out(`its end was held against ${against}\n`)
  }
  return isWhole ? EXIT.ok : EXIT.failed
}

function headOf(text: string): Head | undefined {
  const [, seq, hash] = HEAD.exec(text) ?? []
  return hash === undefined ? undefined : { seq: Number(seq), hash }
}

interface Shown {
  readonly action?: string
  readonly since?: string
  readonly json?: boolean
}

function show(path: string, { action, since, json }: Shown, shell: Shell): number {
  const from = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since)
  if (Number.isNaN(from)) {
    shell.err(`--since wants a time such as 2026-11-01 or 2026-11-01T12:00:00Z, not "${since}"\n`)
    return EXIT.usage
  }
  for (const record of readTrail(path)) {
    const isAsked = action === undefined || record.action === action || record.action.startsWith(`${action}.`)
    if (!isAsked || Date.parse(record.at) < from) continue
    shell.out(json === true ? `${JSON.stringify(record)}\n` : `${line(record)}\n`)
  }
  return EXIT.ok
}

function line({ seq, at, action, who, prev: _, hash: __, ...details }: AuditRecord): string {
  const told = Object.entries(details).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`
  )
  return `${seq}  ${at}  ${action}  by ${whoText(who)}  ${told.join(' ')}`.trimEnd()
}

function whoText({ via, user, address, claims, token }: Who): string {
  const said = claims === undefined ? '' : ` (says ${claims})`
  return (
    [via, user, address].filter(part => part !== undefined).join(' ') + said + (token === true ? ' with token' : '')
  )
}
