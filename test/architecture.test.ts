// The house rules, read from the imports: services -> processors, exporters -> core; clients -> core; rooms of core in their order; no
// cycles; components know no other component, nor queue, delivery or services.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TOP = ['core', 'processors', 'exporters', 'services', 'clients']

/** Rooms of core and the rooms they may import. */
const CORE: Readonly<Record<string, readonly string[]>> = {
  otlp: [],
  config: ['otlp', 'component', 'privacy'],
  component: ['otlp', 'net', 'config', 'telemetry'],
  net: ['otlp', 'config', 'component'],
  telemetry: ['otlp', 'component'],
  algoflow: ['otlp', 'component'],
  privacy: ['otlp', 'component', 'config'],
  metrics: ['otlp', 'component', 'config'],
  queue: ['component'],
  audit: ['component'],
  sampling: ['otlp', 'component'],
  pipeline: ['otlp', 'component', 'queue', 'telemetry', 'sampling'],
  delivery: ['otlp', 'component', 'config', 'net', 'queue', 'pipeline']
}

interface Import {
  readonly from: string
  readonly to: string
  readonly isType: boolean
}

function files(dir: string): string[] {
  return readdirSync(join(ROOT, dir), { withFileTypes: true }).flatMap(entry => {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) return files(path)
    return /\.ts$/.test(entry.name) && !/\.(test|d)\.ts$/.test(entry.name) ? [path] : []
  })
}

const sources = TOP.flatMap(files)
const imports: Import[] = sources.flatMap(from => {
  const text = readFileSync(join(ROOT, from), 'utf8')
  const found = text.matchAll(/^(?:import|export)\s+(type\s)?[^'"]*?from\s+'(\.[^']+)'/gm)
  return [...found].map(([, type, to]) => ({
    from,
    to: relative(ROOT, join(ROOT, dirname(from), to!)).replace(/\.js$/, '.ts'),
    isType: type !== undefined
  }))
})

const top = (path: string): string => path.split('/')[0]!
const room = (path: string): string => path.split('/').slice(0, 2).join('/')

t.test('arrows go services -> processors, exporters -> core', async t => {
  const allowed: Readonly<Record<string, readonly string[]>> = {
    services: ['core', 'processors', 'exporters', 'services'],
    clients: ['clients', 'core'],
    processors: ['processors', 'core'],
    exporters: ['exporters', 'core'],
    core: ['core']
  }
  for (const { from, to } of imports) if (!allowed[top(from)]!.includes(top(to))) t.fail(`${from} imports ${to}`)
  t.ok(imports.length > 100, `${imports.length} imports read`)
})

t.test('components import no other component, and of core neither queue, delivery nor pipeline', async t => {
  for (const { from, to } of imports) {
    if (top(from) !== 'processors' && top(from) !== 'exporters') continue
    const isList = /^(processors|exporters)\/index\.ts$/.test(from)
    if (top(to) === top(from) && room(to) !== room(from) && !isList) t.fail(`${from} imports ${to}`)
    if (/^core\/(queue|delivery|pipeline)\//.test(to)) t.fail(`${from} imports ${to}`)
  }
  t.pass()
})

t.test('rooms of core import only the rooms below them', async t => {
  for (const { from, to, isType } of imports) {
    if (top(from) !== 'core' || room(from) === room(to)) continue
    const [, own, other] = [...from.split('/').slice(0, 2), to.split('/')[1]] as [string, string, string]
    t.ok(own in CORE, `core/${own} has a row in the table`)
    // Types alone may look up into the contracts.
    if (!CORE[own]?.includes(other) && !(isType && other === 'component')) t.fail(`${from} imports ${to}`)
  }
})

t.test('there are no cycles at run time', async t => {
  const graph = new Map<string, string[]>()
  for (const { from, to, isType } of imports) if (!isType) graph.set(from, [...(graph.get(from) ?? []), to])
  const done = new Set<string>()
  const visit = (at: string, path: readonly string[]): void => {
    if (path.includes(at)) {
      t.fail(`cycle: ${[...path.slice(path.indexOf(at)), at].join(' -> ')}`)
      return
    }
    if (done.has(at)) return
    for (const next of graph.get(at) ?? []) visit(next, [...path, at])
    done.add(at)
  }
  for (const at of graph.keys()) visit(at, [])
  t.pass()
})

t.test('only programs end the process or read its arguments', async t => {
  for (const path of sources) {
    const text = readFileSync(join(ROOT, path), 'utf8')
    if (!/^(services|clients)\/[^/]+\/main\.ts$/.test(path)) t.notMatch(text, /process\.(exit\(|argv\b)/, path)
  }
})
