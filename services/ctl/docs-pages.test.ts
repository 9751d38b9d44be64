// Every Markdown page of the project against the code: configs load, commands and options exist, links lead somewhere, metrics and
// error codes are real. What a page must write down to be checked: docs-pages.ts.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Command } from 'commander'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { loadConfig } from '../../core/config/load.js'
import { PROBLEM_CODES, problemText } from '../../core/config/problem.js'
import { METRICS } from '../../processors/workflow_metrics/metrics.js'
import { prometheusName } from '../../processors/workflow_metrics/reference.js'
import { RECEIVERS } from '../gateway/receivers/index.js'
import { registryWith } from '../registry.js'
import { errorTexts } from './docs-errors.js'
import { metricsPage } from './docs-metrics.js'
import { type Block, type Page, pageOf, pagesOf, shellLines, targetOf } from './docs-pages.js'
import { commands } from './program.js'

const root = new URL('../../../', import.meta.url).pathname
const registry = registryWith(RECEIVERS)
const pages = pagesOf(root)
/** Pages for users; not for those who change the code. */
const guides = pages.filter(({ path }) => path.startsWith('docs/') || !path.includes('/'))
const byPath = new Map(pages.map(page => [page.path, page]))

/** What is wrong with the pages, by one check; the place first. */
function faults(check: (page: Page) => readonly { line: number; says: string }[], of = pages): string[] {
  return of.flatMap(page => check(page).map(({ line, says }) => `${page.path}:${line}: ${says}`))
}

// --- configs ---------------------------------------------------------------------------------------------------------------------

/** Any value will do for what a reader puts into the environment and into files, but an address must be one. */
function settingsFor(text: string): { text: string; env: Record<string, string> } {
  const env: Record<string, string> = {}
  const asVariables = text.replace(/\$\{file:[^}]*\}/g, '${env:FROM_FILE}')
  for (const [, name] of asVariables.matchAll(/\$\{(?:env:)?([A-Za-z_]\w*)/g)) env[name!] = standIn(name!)
  return { text: asVariables, env }
}

const standIn = (name: string) =>
  /URL$/.test(name) ? 'redis://localhost:6379/0' : /PORT$/.test(name) ? '4318' : 'x'.repeat(32)

function yamlFaults({ blocks }: Page): { line: number; says: string }[] {
  return blocks.flatMap(block => {
    if (!/^ya?ml\b/.test(block.info)) return []
    const broken = parseAllDocuments(block.text).flatMap(document => document.errors)
    if (broken.length > 0) return [{ line: block.line, says: `no YAML: ${broken[0]!.message}` }]
    if (/^ya?ml \w/.test(block.info)) return []
    const { problems, notes } = loadConfig({ ...settingsFor(block.text), registry })
    const found = [...problems, ...notes.filter(({ severity }) => severity === 'warning')]
    return found.map(one => ({ line: block.line, says: problemText(one) }))
  })
}

t.test('every YAML block is a config that loads without a warning, or says what else it is', async t => {
  t.same(faults(yamlFaults), [])
  const count = pages.flatMap(page => page.blocks.filter(({ info }) => info === 'yaml')).length
  t.ok(count > 40, `${count} configs`)
})

// --- commands --------------------------------------------------------------------------------------------------------------------

const tree = commands()
const npm = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: Record<string, string> }
const e2e = readFileSync(`${root}test/e2e/run.ts`, 'utf8')

/** What is wrong with one command line; undefined: nothing, or it is none of ours. `whole`: its arguments must be there, too. */
function commandFault(words: readonly string[], whole: boolean): string | undefined {
  const [program, first = '', second = ''] = words
  if (program === 'algoflow-gateway') return gatewayFault(words.slice(1), whole)
  if (program === 'npx' && first === 'algoflow-gateway') return gatewayFault(words.slice(2), whole)
  if (program === 'node' && first === '.') return gatewayFault(words.slice(2), whole)
  if (program === 'node' && first.startsWith('dist/')) return missing(first)
  if (program === 'npx' && first === 'tap') return words.slice(2).map(missing).find(Boolean)
  if (program === 'npm' && first === 'run') return scriptFault(words.slice(2).filter(word => word !== '-s'))
  if (program === 'bench/compare.py' || program === 'bash')
    return existsSync(root + (words[program === 'bash' ? 1 : 0] ?? '')) ? undefined : `${words.join(' ')}: no such file`
  return second === undefined ? 'nothing' : undefined
}

function gatewayFault(words: readonly string[], whole: boolean): string | undefined {
  let command = tree
  const rest = [...words]
  for (;;) {
    const next = command.commands.find(one => one.name() === rest[0])
    if (next === undefined) break
    command = next
    rest.shift()
  }
  if (command.commands.length > 0) {
    if (rest.length > 0 && ['help', '--help', '-h', '--version', '-V', '...', '…'].includes(rest[0]!)) return undefined
    if (rest.length > 0 || whole) return `\`${words.join(' ')}\`: no such command`
  }
  return argumentFault(command, rest, whole)
}

function argumentFault(command: Command, words: readonly string[], whole: boolean): string | undefined {
  let given = 0
  const set = new Set<string>()
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (!/^-\w|^--/.test(word)) {
      given++
      continue
    }
    const name = word.split('=')[0]!
    if (name === '--help' || name === '-h') return undefined
    const option = command.options.find(one => one.short === name || one.long === name)
    if (option === undefined) return `\`${command.name()}\` has no option ${name}`
    set.add(option.long ?? name)
    if (option.required && !word.includes('=')) i++
  }
  if (!whole) return undefined
  const wanted = command.registeredArguments.filter(argument => argument.required).length
  const most = command.registeredArguments.some(argument => argument.variadic)
    ? Infinity
    : command.registeredArguments.length
  if (given < wanted) return `\`${command.name()}\` needs ${wanted} arguments`
  if (given > most) return `\`${command.name()}\` takes ${most} arguments, not ${given}`
  const left = command.options.find(one => one.mandatory && !set.has(one.long ?? ''))
  return left === undefined ? undefined : `\`${command.name()}\` needs ${left.long}`
}

function scriptFault([script = '', ...args]: readonly string[]): string | undefined {
  if (npm.scripts[script] === undefined) return `npm run ${script}: no such script`
  if (script !== 'e2e') return undefined
  const unknown = args.filter(arg => /^[a-z]/.test(arg)).find(name => !new RegExp(`^ {2}'?${name}'?: `, 'm').test(e2e))
  return unknown === undefined ? undefined : `npm run e2e -- ${unknown}: no such script`
}

/** A compiled file that is named must have a source. */
function missing(path: string): string | undefined {
  if (!path.startsWith('dist/') || path.includes('*')) return undefined
  return existsSync(root + path.replace(/^dist\//, '').replace(/\.js$/, '.ts')) ? undefined : `${path}: no such file`
}

const isShell = ({ info }: Block) => ['', 'sh', 'bash', 'shell', 'console'].includes(info)

function commandFaults(page: Page): { line: number; says: string }[] {
  const lines = page.blocks.filter(isShell).flatMap(block => shellLines(block).map(line => ({ ...line, whole: true })))
  const mentions = page.spans.flatMap(span => shellLines(span).map(line => ({ ...line, whole: false })))
  return [...lines, ...mentions].flatMap(({ line, words, whole }) => {
    const says = commandFault(words, whole)
    return says === undefined ? [] : [{ line, says }]
  })
}

t.test('every command line names a command and options that there are', async t => {
  t.same(faults(commandFaults), [])
})

// --- links -----------------------------------------------------------------------------------------------------------------------

function linkFaults(page: Page): { line: number; says: string }[] {
  return page.links.flatMap(link => {
    const target = targetOf(page, link)
    if (target === undefined) return []
    if (!existsSync(root + target.path)) return [{ line: link.line, says: `${link.target}: no such file` }]
    const anchors = byPath.get(target.path)?.anchors
    if (target.anchor === '' || anchors === undefined || anchors.has(target.anchor)) return []
    return [{ line: link.line, says: `${link.target}: no such heading` }]
  })
}

t.test('every relative link leads to a file and a heading that there are', async t => {
  t.same(faults(linkFaults), [])
})

t.test('docs/README.md lists every guide', async t => {
  const listed = new Set(
    byPath.get('docs/README.md')?.links.map(link => targetOf(byPath.get('docs/README.md')!, link)?.path)
  )
  for (const { path } of pages) {
    if (/^docs\/[^/]+\.md$/.test(path) && path !== 'docs/README.md') t.ok(listed.has(path), path)
  }
})

// --- names -----------------------------------------------------------------------------------------------------------------------

t.test('every metric that a page names is one', async t => {
  const own = [...(await metricsPage(registry)).matchAll(/`(algoflow_gateway_\w+)`/g)].map(([, name]) => name!)
  const metrics = new Set([...own, ...Object.values(METRICS).map(prometheusName)])
  const check = ({ text, path }: Page) =>
    path === 'CHANGELOG.md'
      ? []
      : [
          ...text.matchAll(
            /(?<![\w/."-])algoflow_(?:gateway|workflow|step|memory|threads|cache)_\w*[a-z](?![\w*{]|\.\w)/g
          )
        ].flatMap(({ 0: name, index }) => {
          const base = name.replace(/_(bucket|sum|count)$/, '')
          return metrics.has(name) || metrics.has(base)
            ? []
            : [{ line: lineAt(text, index), says: `no metric ${name}` }]
        })
  t.same(faults(check), [])
})

t.test('every error code that a page names is one', async t => {
  const codes = new Set([...errorTexts(root).map(({ code }) => code), ...Object.keys(PROBLEM_CODES)])
  const rooms = new Set([...codes].map(code => code.split('_')[0]))
  const check = ({ spans, text }: Page) =>
    spans
      .filter(
        ({ text: code }) => /^[A-Z]+(_[A-Z0-9]+)+$/.test(code) && rooms.has(code.split('_')[0]) && !codes.has(code)
      )
      // A variable that the page puts into a config is no code.
      .filter(({ text: code }) => !text.includes(`env:${code}`) && !text.includes(`${code}=`))
      .map(({ line, text: code }) => ({ line, says: `no error ${code}` }))
  // core/otlp has codes of its own, for faults of the wire format: no user sees them.
  const forUsers = pages.filter(({ path }) => !path.startsWith('core/'))
  t.same(faults(check, forUsers), [])
})

const SETTING =
  /^((?:receivers|processors|exporters)\.\w+(?:\/\w+)?(?:\.\w+)*|(?:service|queue|telemetry)(?:\.\w+)+)(?:: .*)?$/
/** Attributes of OpenTelemetry, not settings. */
const ATTRIBUTE = /^service\.(name|namespace|version|instance\.id)$/

t.test('every setting that a page names by its path is one', async t => {
  const known = new Map<string, string | undefined>()
  const check = ({ spans }: Page) =>
    spans.flatMap(({ line, text }) => {
      const path = SETTING.exec(text)?.[1]
      if (path === undefined || ATTRIBUTE.test(path)) return []
      if (!known.has(path)) known.set(path, settingFault(path))
      const says = known.get(path)
      return says === undefined ? [] : [{ line, says }]
    })
  t.same(faults(check, guides), [])
  t.ok(known.size > 50, `${known.size} settings`)
  t.match(settingFault('service.wokers'), /unknown key/)
})

/** What is wrong with a path, its value left aside: there must be one kind of queue with which it is known. */
function settingFault(path: string): string | undefined {
  let says: string | undefined
  for (const queue of ['embedded', 'redis']) {
    const set = [`queue.type=${queue}`, `${path}={}`]
    const { problems } = loadConfig({ text: '', env: {}, registry, set })
    const unknown = problems.find(({ code }) => code === 'CONFIG_UNKNOWN_KEY' || code === 'CONFIG_UNKNOWN_TYPE')
    if (unknown === undefined) return undefined
    says ??= problemText(unknown)
  }
  return says
}

t.test('every alert that a page names is in the rules', async t => {
  const rules = readdirSync(`${root}charts/gateway/rules`).map(name =>
    readFileSync(`${root}charts/gateway/rules/${name}`, 'utf8')
  )
  const alerts = new Set([...rules.join('\n').matchAll(/alert: (\w+)/g)].map(([, name]) => name!))
  const check = ({ spans }: Page) =>
    spans
      .filter(({ text }) => /^(Gateway|AlgoFlow)[A-Z]\w+$/.test(text) && !alerts.has(text))
      .map(({ line, text }) => ({ line, says: `no alert ${text}` }))
  t.same(faults(check, guides), [])
})

const lineAt = (text: string, index: number) => text.slice(0, index).split('\n').length

t.test('the tables of capacity.md are what its script computes', async t => {
  const script = new URL('../../../docs/examples/capacity/capacity.mjs', import.meta.url).href
  const { tables } = (await import(script)) as { tables(): Record<string, string> }
  const { text } = byPath.get('docs/capacity.md')!
  for (const [name, table] of Object.entries(tables()))
    t.ok(text.includes(`<!-- capacity: ${name} -->\n${table}\n<!-- end -->`), table)
})

// --- the checks themselves -------------------------------------------------------------------------------------------------------

t.test('the checks find what is wrong', async t => {
  const found = (text: string, check: (page: Page) => readonly { says: string }[]) =>
    check(pageOf('docs/x.md', text)).map(({ says }) => says)
  const block = (text: string, info = 'yaml') => `\`\`\`${info}\n${text}\n\`\`\`\n`
  t.match(found(block('exporters: {debgu: {}}'), yamlFaults), [/debgu/])
  t.match(found(block('a: [', 'yaml fragment'), yamlFaults), [/no YAML/])
  t.same(found(block('scrape_configs: []', 'yaml prometheus'), yamlFaults), [])
  t.match(found('    node . validate', commandFaults), [/needs 1/])
  t.match(found('Run `node . strat` now.', commandFaults), [/no such command/])
  t.match(found(block('algoflow-gateway queue list --exporters x  # why', 'sh'), commandFaults), [
    /no option --exporters/
  ])
  t.match(found('    algoflow-gateway audit show a b', commandFaults), [/takes 1/])
  t.match(found('    npm run e2e -- jagger', commandFaults), [/jagger/])
  t.match(found('    npx tap dist/none.test.js', commandFaults), [/no such file/])
  t.match(found('[a](none.md), [b](#none)\n# Some\n[c](#some)', linkFaults), [/none.md/])
})
