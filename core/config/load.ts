// A config file becomes a checked GatewayConfig: text -> tree -> `${...}` -> expansion -> schemas -> defaults -> names.
// Every problem there is comes back at once; nothing here throws.

import { readFileSync } from 'node:fs'
import { parse, stringify } from 'yaml'
import { check, display } from './check.js'
import { DEFAULTS, declarationOf, expand, fillSection, KINDS, put, typeOf } from './expand.js'
import { checkPipelines } from './pipelines.js'
import type { ConfigProblem, Path } from './problem.js'
import { parsePath, problem } from './problem.js'
import type { ComponentKind, Declared, Registry } from './registry.js'
import { Secret } from './secret.js'
import type { QueueSettings, ServiceSettings } from './service.js'
import {
  exporterProblems,
  exporterSchema,
  exporterSettings,
  QUEUE_SCHEMAS,
  queueSettings,
  serviceSchema,
  serviceSettings
} from './service.js'
import type { Env } from './substitute.js'
import { substitution, withoutSecrets } from './substitute.js'
import { didYouMean } from './suggest.js'
import type { MapTree, Position, Resolve, Tree } from './tree.js'
import { find, keyPlaceOf, parseTree, placeOf, treeOf } from './tree.js'
import type { ComponentConfig, ExporterConfig, GatewayConfig } from './types.js'

export interface LoadOptions {
  /** Path of the file; left out with `text` left out: the defaults. */
  readonly file?: string
  /** The file's text, instead of reading it; `file` then only names it in problems. */
  readonly text?: string
  readonly env: Env
  readonly registry: Registry
  /** Changes from the command line: `service.telemetry.logs.level=debug`; the value is YAML. */
  readonly set?: readonly string[]
  /** Own logs go to a terminal: `encoding: auto` is text then. Default false. */
  readonly isTerminal?: boolean
}

export interface Loaded {
  /** Undefined when there is a problem. */
  readonly config?: GatewayConfig
  /** Everything that must be mended, in the order of the file. */
  readonly problems: readonly ConfigProblem[]
  /** Warnings and notes: aliases, unused components, what was filled in. */
  readonly notes: readonly ConfigProblem[]
  /** The whole config as YAML with everything expanded and filled in; no secrets. Empty when there is a problem. */
  readonly expanded: string
  /** The same as checked values, secrets in it: what `differences` compares. Empty when there is a problem. */
  readonly settings: Settings
}

/** Checked values under the file's own keys. */
export type Settings = Readonly<Record<string, unknown>>

const SECTIONS = ['receivers', 'processors', 'exporters', 'service', 'queue']

/** Reads and checks a config. */
export function loadConfig(options: LoadOptions): Loaded {
  const found: ConfigProblem[] = []
  const name = options.file ?? (options.text === undefined ? DEFAULTS : 'config')
  const hidden = new Set<string>()
  const resolve = substitution(options.env, found, hidden)
  const file = parseTree(textOf(options, name, found), name, resolve, found)
  if (found.some(p => p.severity === 'error' && p.code !== 'CONFIG_SUBSTITUTION'))
    return result(found, hidden, undefined, '', {})
  const defaults = parseTree(options.registry.defaults, DEFAULTS, resolve, found)
  for (const change of options.set ?? []) {
    const kind = KINDS.find(k => change.startsWith(`${k}.`))
    if (kind !== undefined) fillSection(file, defaults, kind)
    applySet(file, change, resolve, found)
  }
  expand(file, defaults, options.registry, found)
  const build = new Build(file, options, found)
  const config = build.run()
  return result(found, hidden, config, build.expanded(), build.settings)
}

function textOf(options: LoadOptions, name: string, found: ConfigProblem[]): string {
  if (options.text !== undefined) return options.text
  if (options.file === undefined) return options.registry.defaults
  try {
    return readFileSync(options.file, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    const says = code === 'ENOENT' ? 'there is no such file' : `the file cannot be read (${code})`
    found.push(
      problem(
        'error',
        'CONFIG_UNREADABLE',
        { file: name, line: 0, column: 0 },
        [],
        says,
        'Check the path; without a config file the defaults run.'
      )
    )
    return ''
  }
}

function result(
  found: readonly ConfigProblem[],
  hidden: ReadonlySet<string>,
  config: GatewayConfig | undefined,
  expanded: string,
  settings: Settings
): Loaded {
  const told = found.map(p => withoutSecrets(p, hidden))
  const sorted = told.toSorted((a, b) => a.line - b.line || a.column - b.column)
  const problems = sorted.filter(p => p.severity === 'error')
  const notes = sorted.filter(p => p.severity !== 'error')
  const isFine = config !== undefined && problems.length === 0
  // Under a key that is none a secret could stand where no schema says that it is one.
  return isFine ? { problems, notes, expanded, settings, config } : { problems, notes, expanded: '', settings: {} }
}

/** `a.b=c` from the command line. Component ids may hold `/`; keys with dots go in `["a.b"]`. */
function applySet(file: MapTree, change: string, resolve: Resolve, found: ConfigProblem[]): void {
  const at: Position = { file: `--set ${change.split('=')[0]}`, line: 0, column: 0 }
  const cut = change.indexOf('=')
  const path = cut < 0 ? [] : parsePath(change.slice(0, cut))
  if (path.length === 0) {
    found.push(
      problem(
        'error',
        'CONFIG_SYNTAX',
        at,
        [],
        '`--set` wants `key=value`',
        'For example `--set service.telemetry.logs.level=debug`.'
      )
    )
    return
  }
  const text = change.slice(cut + 1)
  put(file, path, text.includes('$') ? resolve(text, at, path) : treeOf(yamlOrText(text), at))
}

function yamlOrText(text: string): unknown {
  try {
    return parse(text)
  } catch {
    return text
  }
}

class Build {
  readonly #file: MapTree
  readonly #registry: Registry
  readonly #isTerminal: boolean
  readonly #env: Env
  readonly #found: ConfigProblem[]
  /** After `run`. */
  settings: Settings = {}
  /** What every exporter has beside its own keys, by id. */
  readonly #common = new Map<string, object>()
  readonly #built: Record<ComponentKind, Map<string, Declared>> = {
    receivers: new Map(),
    processors: new Map(),
    exporters: new Map()
  }

  constructor(file: MapTree, options: LoadOptions, found: ConfigProblem[]) {
    this.#file = file
    this.#registry = options.registry
    this.#isTerminal = options.isTerminal ?? false
    this.#env = options.env
    this.#found = found
  }

  run(): GatewayConfig | undefined {
    this.#checkTop()
    const receivers = this.#components('receivers') as Map<string, ComponentConfig>
    const processors = this.#components('processors') as Map<string, ComponentConfig>
    const exporters = this.#components('exporters') as Map<string, ExporterConfig>
    const service = check(serviceSchema, this.#part('service'), ['service'], this.#found) as ServiceSettings | undefined
    this.#hintUnknown()
    const queue = this.#queue()
    const written = find(this.#file, ['service', 'pipelines'])
    const block = this.#registry.block?.key
    const isOff =
      block !== undefined && (find(this.#file, [block, 'enabled']) as { value?: unknown } | undefined)?.value === false
    const pipelines = checkPipelines(written, this.#built, { file: this.#file, found: this.#found, isOff })
    if (service === undefined || queue === undefined) return undefined
    const plain = (made: ReadonlyMap<string, ComponentConfig>) =>
      Object.fromEntries([...made].map(([id, { config }]) => [id, { ...this.#common.get(id), ...(config as object) }]))
    this.settings = {
      receivers: plain(receivers),
      processors: plain(processors),
      exporters: plain(exporters),
      queue,
      service
    }
    return {
      receivers: isOff ? new Map() : receivers,
      processors,
      exporters,
      pipelines: isOff ? [] : pipelines,
      queue: queueSettings(queue),
      retentionMs: service.retention,
      service: serviceSettings(service, this.#isTerminal)
    }
  }

  /** YAML of the whole, after `run`. */
  expanded(): string {
    const out: Record<string, unknown> = {}
    for (const kind of KINDS) {
      const entries = [...this.#entries(kind)].map(([id, { value }]) => [id, this.#displayed(kind, id, value)])
      if (entries.length > 0) out[kind] = Object.fromEntries(entries)
    }
    out['queue'] = display(this.#queueSchema(), this.#part('queue'))
    out['service'] = display(serviceSchema, this.#part('service'))
    return stringify(out, { lineWidth: 0 })
  }

  #displayed(kind: ComponentKind, id: string, value: Tree): unknown {
    const declaration = this.#built[kind].get(id)
    if (kind !== 'exporters' || declaration === undefined) return display(declaration?.schema, value)
    const [own, common] = split(value, declaration)
    return { ...(display(declaration.schema, own) as object), ...(display(exporterSchema, common) as object) }
  }

  #part(key: string): Tree {
    const tree = this.#file.entries.get(key)?.value
    if (tree !== undefined && !(tree.kind === 'scalar' && tree.value === null)) return tree
    return { kind: 'map', at: this.#file.at, entries: new Map() }
  }

  #checkTop(): void {
    const block = this.#registry.block?.key
    const known = block === undefined ? SECTIONS : [...SECTIONS, block]
    for (const [key, { keyAt }] of this.#file.entries) {
      if (known.includes(key)) continue
      const fix = this.#hint(key) ?? didYouMean(key, known, 'Known keys')
      this.#found.push(problem('error', 'CONFIG_UNKNOWN_KEY', keyAt, [key], `unknown key \`${key}\``, fix))
    }
  }

  #entries(kind: ComponentKind): MapTree['entries'] {
    const section = this.#part(kind)
    if (section.kind === 'map') return section.entries
    return new Map()
  }

  #components(kind: ComponentKind): Map<string, ComponentConfig> {
    const section = this.#part(kind)
    if (section.kind !== 'map') {
      const says = `must hold components by id, is ${section.kind === 'list' ? 'a list' : 'one value'}`
      this.#found.push(
        problem('error', 'CONFIG_WRONG_TYPE', section.at, [kind], says, `For example \`${kind}: {TYPE: {}}\`.`)
      )
    }
    const made = new Map<string, ComponentConfig>()
    for (const [id, { keyAt, value }] of this.#entries(kind)) {
      const component = this.#component(kind, id, keyAt, value)
      if (component !== undefined) made.set(id, component)
    }
    return made
  }

  #component(kind: ComponentKind, id: string, keyAt: Position, tree: Tree): ComponentConfig | undefined {
    const path: Path = [kind, id]
    const type = typeOf(id)
    const declaration = declarationOf(this.#registry, kind, type)
    if (declaration === undefined) {
      const known = this.#registry[kind].flatMap(d => [d.type, ...(d.aliases ?? [])])
      const fix = this.#hint(`${kind}/${type}`) ?? this.#didYouMeanType(type, known, kind)
      this.#found.push(
        problem('error', 'CONFIG_UNKNOWN_TYPE', keyAt, path, `unknown ${kind.slice(0, -1)} type \`${type}\``, fix)
      )
      return undefined
    }
    this.#built[kind].set(id, declaration)
    if (type !== declaration.type) {
      const says = `\`${type}\` is another name of \`${declaration.type}\``
      this.#found.push(
        problem('note', 'CONFIG_ALIAS', keyAt, path, says, `Accepted; \`${declaration.type}\` is the name in the docs.`)
      )
    }
    return kind === 'exporters'
      ? this.#exporter(declaration, id, tree, path, keyAt)
      : this.#simple(declaration, id, tree, path, keyAt)
  }

  /** Own keys only: a file may say `constructor`. */
  #hint(key: string): string | undefined {
    const { hints } = this.#registry
    return hints !== undefined && Object.hasOwn(hints, key) ? hints[key] : undefined
  }

  #didYouMeanType(type: string, known: readonly string[], kind: ComponentKind): string {
    const near = didYouMean(type, known, `Known ${kind}`)
    const other = this.#hint(`${kind}/*`)
    if (other !== undefined && !near.startsWith('Did')) return `${other} ${near}`
    const all = [...known].sort().join(', ')
    return near.startsWith('Did') ? `${near} Known ${kind}: ${all}.` : near
  }

  #simple(declaration: Declared, id: string, tree: Tree, path: Path, keyAt: Position): ComponentConfig | undefined {
    const config = this.#checked(declaration, tree, path, keyAt)
    return config === undefined ? undefined : { id, type: declaration.type, config }
  }

  #exporter(declaration: Declared, id: string, tree: Tree, path: Path, keyAt: Position): ExporterConfig | undefined {
    const [own, common] = split(tree, declaration)
    const settings = check(exporterSchema, common, path, this.#found, keyAt)
    for (const wrong of settings === undefined
      ? []
      : exporterProblems(settings, key => find(common, parsePath(key)) !== undefined)) {
      const inside = parsePath(wrong.path)
      this.#found.push(problem('error', 'CONFIG_COMPONENT', placeOf(common, inside), [...path, ...inside], wrong.says))
    }
    const before = this.#found.length
    const config = this.#checked(declaration, own, path, keyAt)
    this.#suggestCommon(before, path)
    if (settings === undefined || config === undefined) return undefined
    this.#rereadHeaders(config, own)
    const size = find(common, ['sending_queue', 'queue_size'])
    const hasUnit = size?.kind === 'scalar' && typeof size.value === 'string' && !/^\d+$/.test(size.value)
    this.#noEffect(common, path)
    this.#common.set(id, settings as object)
    return { id, type: declaration.type, config, ...exporterSettings(settings, hasUnit) }
  }

  /** Header values that come from a file can be read again: secrets change while the gateway runs. */
  #rereadHeaders(config: unknown, own: Tree): void {
    const { headers } = config as { headers?: Record<string, unknown> }
    if (headers === undefined) return
    for (const [name, value] of Object.entries(headers)) {
      const tree = find(own, ['headers', name])
      const text = tree?.kind === 'scalar' ? tree.shownAs : undefined
      if (!(value instanceof Secret) || text === undefined || !text.includes('${file:')) continue
      headers[name] = new Secret(value.reveal(), () => resolveAgain(text, this.#env))
    }
  }

  /** Keys that do nothing here are said so: nobody should believe in a setting that has no effect. */
  #noEffect(common: Tree, path: Path): void {
    const enabled = find(common, ['sending_queue', 'enabled'])
    if (enabled?.kind !== 'scalar' || enabled.value !== false) return
    const says = 'has no effect: every exporter reads from the gateway’s queue'
    this.#found.push(problem('warning', 'CONFIG_NO_EFFECT', enabled.at, [...path, 'sending_queue', 'enabled'], says))
  }

  /** Keys that other collectors have and this one does not: say what there is instead. */
  #hintUnknown(): void {
    this.#found.forEach((p, i) => {
      if (p.code !== 'CONFIG_UNKNOWN_KEY' && p.code !== 'CONFIG_WRONG_VALUE') return
      const hint = this.#hintOfKey(parsePath(p.path))
      if (hint === undefined) return
      const fix = p.code === 'CONFIG_UNKNOWN_KEY' || p.fix === undefined ? hint : `${p.fix} ${hint}`
      this.#found[i] = { ...p, fix }
    })
  }

  /** `exporters.otlp/b.sending_queue.storage`: by `exporters/otlp_grpc.sending_queue.storage`, then `exporters/*....`. */
  #hintOfKey(path: Path): string | undefined {
    const keys = path.filter(key => typeof key === 'string')
    const [section, id = '', ...inside] = keys
    const kind = KINDS.find(k => k === section)
    if (kind === undefined) return this.#hint(keys.join('.'))
    if (inside.length === 0) return undefined
    const type = declarationOf(this.#registry, kind, typeOf(id))?.type ?? ''
    return this.#hint(`${kind}/${type}.${inside.join('.')}`) ?? this.#hint(`${kind}/*.${inside.join('.')}`)
  }

  /** An unknown key of an exporter may be meant as one of the common ones. */
  #suggestCommon(from: number, path: Path): void {
    for (let i = from; i < this.#found.length; i++) {
      const p = this.#found[i]!
      const key = String(parsePath(p.path).at(-1))
      if (p.code !== 'CONFIG_UNKNOWN_KEY' || parsePath(p.path).length !== path.length + 1) continue
      const near = didYouMean(key, Object.keys(exporterSchema.properties))
      if (near.startsWith('Did') && p.fix?.startsWith('Did') !== true) this.#found[i] = { ...p, fix: near }
    }
  }

  #checked(declaration: Declared, tree: Tree, path: Path, keyAt: Position): unknown {
    const config = check(declaration.schema, tree, path, this.#found, keyAt)
    if (config === undefined) return undefined
    const says = declaration.validate?.(config as never) ?? []
    for (const wrong of says) {
      const inside = parsePath(wrong.path)
      this.#found.push(problem('error', 'CONFIG_COMPONENT', placeOf(tree, inside), [...path, ...inside], wrong.says))
    }
    return config
  }

  #queueSchema(): (typeof QUEUE_SCHEMAS)[keyof typeof QUEUE_SCHEMAS] {
    const type = find(this.#part('queue'), ['type'])
    const name = type?.kind === 'scalar' ? String(type.value) : 'embedded'
    return Object.hasOwn(QUEUE_SCHEMAS, name)
      ? QUEUE_SCHEMAS[name as keyof typeof QUEUE_SCHEMAS]
      : QUEUE_SCHEMAS.embedded
  }

  #queue(): QueueSettings | undefined {
    const tree = this.#part('queue')
    const type = find(tree, ['type'])
    const name = type?.kind === 'scalar' ? String(type.value) : 'embedded'
    if (!this.#registry.queues.includes(name)) {
      const at = type?.at ?? keyPlaceOf(this.#file, ['queue'])
      const isPlanned = Object.hasOwn(QUEUE_SCHEMAS, name)
      const says = isPlanned ? `queue type \`${name}\` is not part of this build` : `unknown queue type \`${name}\``
      this.#found.push(
        problem(
          'error',
          'CONFIG_UNKNOWN_TYPE',
          at,
          ['queue', 'type'],
          says,
          didYouMean(name, this.#registry.queues, 'Known types')
        )
      )
      return undefined
    }
    return check(this.#queueSchema(), tree, ['queue'], this.#found) as QueueSettings | undefined
  }
}

/** The text of a value with its references as they are now. @throws TypeError when one cannot be resolved */
function resolveAgain(text: string, env: Env): string {
  const problems: ConfigProblem[] = []
  const tree = substitution(env, problems, new Set())(text, { file: '', line: 0, column: 0 }, [])
  if (problems.length > 0) throw new TypeError(problems[0]!.says)
  return tree.kind === 'scalar' ? (tree.raw ?? String(tree.value)) : ''
}

/** An exporter's own keys and the ones every exporter has. A key that both know belongs to the exporter as well. */
function split(tree: Tree, declaration: Declared): [own: Tree, common: Tree] {
  const empty: Tree = { kind: 'map', at: tree.at, entries: new Map() }
  if (tree.kind !== 'map') return [tree, empty]
  const shared = new Set(Object.keys(exporterSchema.properties))
  const mine = new Set(Object.keys((declaration.schema as { properties?: object }).properties ?? {}))
  const own = [...tree.entries].filter(([key]) => !shared.has(key) || mine.has(key))
  const common = [...tree.entries].filter(([key]) => shared.has(key))
  return [
    { ...tree, entries: new Map(own) },
    { ...tree, entries: new Map(common) }
  ]
}
