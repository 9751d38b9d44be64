// `algoflow-gateway queue ...`: what waits and what was refused, asked of a running gateway over its admin endpoint.

import type { Command } from 'commander'
import { EXIT } from '../exit-codes.js'
import { ask, DEFAULT_ADMIN } from './ask.js'
import type { AddCommands, Shell } from './cli.js'

interface Letter {
  readonly id: string
  readonly exporter: string
  readonly stream: string
  readonly items: number
  readonly size: number
  readonly parkedAt: number
  readonly reason: string
}

interface LedgerLine {
  readonly exporter: string
  readonly delivered: number
  readonly waiting: number
  readonly parked: number
  readonly dropped: number
}

interface ExporterLine {
  readonly exporter: string
  readonly retrying: number
  readonly breaker: 'closed' | 'open' | 'half_open'
  readonly lastError?: { readonly at: number; readonly text: string }
}

interface Where {
  readonly admin: string
}

interface Chosen extends Where {
  readonly exporter?: string
  readonly all?: boolean
}

export const addQueueCommands: AddCommands = (program, shell, exit) => {
  const queue = program.command('queue').description("a running gateway's queue and dead letters")
  const add = (name: string, about: string): Command =>
    queue
      .command(name)
      .description(about)
      .option('--admin <url>', 'admin endpoint of the gateway', shell.env['ALGOFLOW_GATEWAY_ADMIN'] ?? DEFAULT_ADMIN)
      .option('-e, --exporter <id>', 'only this exporter')
  const act = (work: () => Promise<number>) => work().then(exit)

  add('status', 'items delivered, waiting and set aside, by exporter').action((options: Chosen) =>
    act(() => status(options, shell))
  )
  add(
    'ledger',
    'received, delivered, waiting and dropped items of all gateways that share the queue; fails if they do not add up'
  )
    .option('--json', 'print JSON')
    .action((options: Chosen & { json?: boolean }) => act(() => ledger(options, shell)))
  add('list', 'dead letters: what back ends refused for good, and why')
    .option('--json', 'print JSON')
    .action((options: Chosen & { json?: boolean }) => act(() => list(options, shell)))
  add('show', 'one dead letter with its content as OTLP/JSON (personal data was removed before it was stored)')
    .argument('<id>')
    .action((id: string, options: Where) => act(() => show(id, options, shell)))
  for (const [name, about] of [
    ['redrive', 'give dead letters to their exporter again'],
    ['purge', 'remove dead letters for good; their items count as dropped']
  ] as const) {
    add(name, about)
      .argument('[ids...]')
      .option('--all', 'all of the exporter given by --exporter')
      .action((ids: string[], options: Chosen) => act(() => change(name, ids, options, shell)))
  }
}

async function status(options: Chosen, shell: Shell): Promise<number> {
  const ledger = (await ask(options.admin, '/ledger', shell)) as
    | { exporters: LedgerLine[]; isBalanced: boolean }
    | undefined
  if (ledger === undefined) return EXIT.failed
  const exporters = (await ask(options.admin, '/exporters', shell)) as ExporterLine[] | undefined
  if (exporters === undefined) return EXIT.failed
  const isWanted = (row: { exporter: string }) => options.exporter === undefined || row.exporter === options.exporter
  const rows = ledger.exporters.filter(isWanted)
  shell.out(
    table(
      ['exporter', 'delivered', 'waiting', 'set aside', 'dropped'],
      rows.map(r => [r.exporter, r.delivered, r.waiting, r.parked, r.dropped])
    )
  )
  shell.out(exporters.filter(isWanted).map(trouble).join(''))
  if (rows.some(row => row.parked > 0)) shell.out('`queue list` shows what is set aside, and why\n')
  shell.out(ledger.isBalanced ? 'every item is accounted for\n' : 'THE LEDGER DOES NOT ADD UP: see /ledger\n')
  return ledger.isBalanced ? EXIT.ok : EXIT.failed
}

/** Why an exporter does not deliver now; nothing where it does. */
function trouble({ exporter, retrying, breaker, lastError }: ExporterLine): string {
  if (lastError === undefined || (retrying === 0 && breaker === 'closed')) return ''
  return `${exporter} fails, last at ${new Date(lastError.at).toISOString()}: ${lastError.text}\n`
}

interface StreamLine {
  readonly stream: string
  readonly received: number
  readonly windowed: number
  readonly dropped: number
  readonly difference: number
}

interface WholeLedger {
  readonly gateways: number
  readonly isExact: boolean
  readonly isBalanced: boolean
  readonly streams: readonly StreamLine[]
  readonly exporters: readonly (LedgerLine & { readonly offered?: number; readonly difference?: number })[]
}

async function ledger(options: Chosen & { json?: boolean }, shell: Shell): Promise<number> {
  const all = (await ask(options.admin, '/ledger/cluster', shell)) as WholeLedger | undefined
  if (all === undefined) return EXIT.failed
  if (options.json === true) shell.out(`${JSON.stringify(all, null, 2)}\n`)
  else {
    const streams = all.streams.map(s => [s.stream, s.received, s.windowed, s.dropped, s.difference])
    shell.out(table(['pipeline', 'received', 'in windows', 'dropped', 'difference'], streams))
    const rows = all.exporters.filter(row => options.exporter === undefined || row.exporter === options.exporter)
    const lines = rows.map(r => [
      r.exporter,
      r.offered ?? '',
      r.delivered,
      r.waiting,
      r.parked,
      r.dropped,
      r.difference ?? ''
    ])
    shell.out(
      `\n${table(['exporter', 'offered', 'delivered', 'waiting', 'set aside', 'dropped', 'difference'], lines)}`
    )
    shell.out(`\n${verdict(all)}\n`)
  }
  return all.isBalanced || !all.isExact ? EXIT.ok : EXIT.failed
}

function verdict({ gateways, isBalanced, isExact }: WholeLedger): string {
  const who = `${gateways} ${gateways === 1 ? 'gateway' : 'gateways'}`
  if (isBalanced) return `${who}: every item is accounted for`
  if (!isExact) return `${who}: the queue changed while it was read, so the numbers need not fit together: ask again`
  return `${who}: THE LEDGER DOES NOT ADD UP`
}

async function list(options: Chosen & { json?: boolean }, shell: Shell): Promise<number> {
  const query = options.exporter === undefined ? '' : `?exporter=${encodeURIComponent(options.exporter)}`
  const letters = (await ask(options.admin, `/dead-letters${query}`, shell)) as Letter[] | undefined
  if (letters === undefined) return EXIT.failed
  if (options.json === true) shell.out(`${JSON.stringify(letters, null, 2)}\n`)
  else if (letters.length === 0) shell.out('no dead letters\n')
  else {
    const rows = letters.map(l => [
      l.id,
      l.exporter,
      l.stream,
      l.items,
      l.size,
      new Date(l.parkedAt).toISOString(),
      l.reason
    ])
    shell.out(table(['id', 'exporter', 'pipeline', 'items', 'bytes', 'since', 'reason'], rows))
  }
  return EXIT.ok
}

async function show(id: string, options: Where, shell: Shell): Promise<number> {
  const letter = (await ask(options.admin, `/dead-letters/${encodeURIComponent(id)}`, shell)) as
    | { json: string }
    | undefined
  if (letter === undefined) return EXIT.failed
  shell.out(`${JSON.stringify({ ...letter, json: JSON.parse(letter.json) }, null, 2)}\n`)
  return EXIT.ok
}

async function change(name: string, ids: string[], options: Chosen, shell: Shell): Promise<number> {
  const isAll = options.all === true && options.exporter !== undefined
  if (isAll === ids.length > 0) {
    shell.err(
      `say which: \`queue ${name} ID...\`, or \`queue ${name} --all --exporter ID\`; \`queue list\` shows them\n`
    )
    return EXIT.usage
  }
  const done = (await ask(
    options.admin,
    `/dead-letters/${name}`,
    shell,
    isAll ? { exporter: options.exporter } : { ids }
  )) as { items: number } | undefined
  if (done === undefined) return EXIT.failed
  shell.out(`${name === 'redrive' ? 'given back' : 'removed'}: ${done.items} ${done.items === 1 ? 'item' : 'items'}\n`)
  return EXIT.ok
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const all = [head, ...rows.map(row => row.map(String))]
  const widths = head.map((_, i) => Math.max(...all.map(row => String(row[i]).length)))
  return `${all
    .map(row =>
      row
        .map((cell, i) => String(cell).padEnd(widths[i]!))
        .join('  ')
        .trimEnd()
    )
    .join('\n')}\n`
}
