// Makes the whole config of what a file says in short: the product's own block becomes components, parts left out come
// from the defaults, pipelines that nobody wrote are built from the components there are.

import type { Signal } from '../otlp/signal.js'
import { SIGNALS } from '../otlp/signal.js'
import { check } from './check.js'
import type { ConfigProblem, Path } from './problem.js'
import { parsePath, problem } from './problem.js'
import type { Addition, BlockSite, ComponentKind, Declared, Registry, ShortBlock } from './registry.js'
import type { ListTree, MapTree, Position, Tree } from './tree.js'
import { find, keyPlaceOf, placeOf, treeOf } from './tree.js'

/** How problems name the default config. */
export const DEFAULTS = 'built-in defaults'

export const KINDS: readonly ComponentKind[] = ['receivers', 'processors', 'exporters']

/** A change from the command line in a section that the file leaves out changes the defaults, not instead of them. */
export function fillSection(file: MapTree, defaults: MapTree, kind: ComponentKind): void {
  const base = defaults.entries.get(kind)
  if (file.entries.has(kind) || base?.value.kind !== 'map' || sizeOf(find(file, ['service', 'pipelines'])) > 0) return
  file.entries.set(kind, { keyAt: base.keyAt, value: { ...base.value, entries: new Map(base.value.entries) } })
}

/** Finds a declaration by type or alias. */
export function declarationOf(registry: Registry, kind: ComponentKind, type: string): Declared | undefined {
  return registry[kind].find(d => d.type === type) ?? registry[kind].find(d => d.aliases?.includes(type))
}

/** `redaction/strict` -> `redaction`. */
export function typeOf(id: string): string {
  const slash = id.indexOf('/')
  return slash < 0 ? id : id.slice(0, slash)
}

/** Changes `file` in place. `defaults` is the parsed default config; `notes` hears what was filled in. */
export function expand(file: MapTree, defaults: MapTree, registry: Registry, problems: ConfigProblem[]): void {
  const additions = registry.block === undefined ? [] : expandBlock(registry.block, file, registry, problems)
  const parts = additions.filter(a => a.section !== 'setting')
  const isWritten = sizeOf(find(file, ['service', 'pipelines'])) > 0
  const isOff = isDisabled(file, registry)
  const added = new Map<ComponentKind, string[]>()
  const only: Only = new Map()
  for (const kind of KINDS) {
    const own = parts.filter(a => a.section === kind)
    const ids = placeComponents(kind, own, { file, defaults, registry, fillIn: !isWritten }, problems)
    own.forEach((addition, i) => {
      if (addition.signals !== undefined && ids[i] !== undefined) only.set(`${kind}/${ids[i]}`, addition.signals)
    })
    added.set(kind, ids)
  }
  for (const a of additions.filter(a => a.section === 'setting')) applySetting(file, defaults, registry, a)
  if (isOff) return
  if (isWritten) joinPipelines(file, registry, added, only)
  else buildPipelines(file, registry, only, problems)
}

/** Signals that components of the block are for, where not for all that their type takes: `processors/filter/x`. */
type Only = Map<string, readonly Signal[]>

function applySetting(file: MapTree, defaults: MapTree, registry: Registry, setting: Addition): void {
  const path = parsePath(setting.id)
  const there = find(file, path)
  const isDefault = there !== undefined && there.at.file === defaults.at.file
  if (there !== undefined && !(setting.over === 'defaults' && isDefault)) return
  if (setting.within !== undefined && find(file, parsePath(setting.within)) === undefined) return
  put(file, path, treeOf(setting.config, blockPlace(file, registry, setting)))
}

/** `enabled: false` in the block: no pipelines are made. */
function isDisabled(file: MapTree, registry: Registry): boolean {
  const key = registry.block?.key
  const enabled = key === undefined ? undefined : find(file, [key, 'enabled'])
  return enabled?.kind === 'scalar' && enabled.value === false
}

function expandBlock(
  block: ShortBlock,
  file: MapTree,
  registry: Registry,
  problems: ConfigProblem[]
): readonly Addition[] {
  const tree = file.entries.get(block.key)?.value
  if (tree === undefined) return []
  const config = check(block.schema, tree, [block.key], problems)
  if (config === undefined) return []
  const site: BlockSite = {
    ids: kind => idsOf(file, kind),
    part: path => find(tree, parsePath(path)),
    has: (kind, type) => declarationOf(registry, kind, type) !== undefined,
    note(severity, path, says, fix) {
      const inside = parsePath(path)
      const code = severity === 'error' ? 'CONFIG_WRONG_VALUE' : 'CONFIG_NO_EFFECT'
      problems.push(problem(severity, code, placeOf(tree, inside), [block.key, ...inside], says, fix))
    }
  }
  return block.expand(config as never, site)
}

function blockPlace(file: MapTree, registry: Registry, addition: Addition): Position {
  const path: Path = [registry.block?.key ?? '', ...parsePath(addition.from)]
  return keyPlaceOf(file, path)
}

interface Scene {
  readonly file: MapTree
  readonly defaults: MapTree
  readonly registry: Registry
  /** No pipelines written: sections that are missing come from the defaults. */
  readonly fillIn: boolean
}

/** Puts additions into a section; returns the ids that pipelines are to use. */
function placeComponents(
  kind: ComponentKind,
  additions: readonly Addition[],
  scene: Scene,
  problems: ConfigProblem[]
): string[] {
  const { file, defaults, registry, fillIn } = scene
  const own = file.entries.get(kind)?.value
  const isMissing = own === undefined || (own.kind === 'scalar' && own.value === null)
  if (own !== undefined && !isMissing && own.kind !== 'map') return []
  const replaces = kind === 'exporters' && additions.length > 0
  const base = isMissing && fillIn && !replaces ? find(defaults, [kind]) : undefined
  const section: MapTree = own?.kind === 'map' ? own : { kind: 'map', at: file.at, entries: new Map() }
  if (base?.kind === 'map') {
    const fitting = [...base.entries].filter(([id]) => registry.fitsDefault?.(kind, id, file) ?? true)
    for (const [id, entry] of fitting) section.entries.set(id, { ...entry })
    const says = `no \`${kind}\` in the file: the defaults are used (${fitting.map(([id]) => id).join(', ')})`
    problems.push(problem('note', 'CONFIG_DEFAULTED', file.at, [kind], says))
  }
  if (section.entries.size === 0 && additions.length === 0) return []
  if (!file.entries.has(kind) || isMissing) file.entries.set(kind, { keyAt: file.at, value: section })
  return additions.map(a => addComponent(section, a, registry, file))
}

function addComponent(section: MapTree, addition: Addition, registry: Registry, file: MapTree): string {
  const at = blockPlace(file, registry, addition)
  const value = treeOf(addition.config, at)
  const there = section.entries.get(addition.id)
  if (there?.keyAt.file === DEFAULTS && value.kind === 'map') {
    const entries = new Map(there.value.kind === 'map' ? there.value.entries : [])
    for (const [key, entry] of value.entries) entries.set(key, entry)
    section.entries.set(addition.id, { keyAt: at, value: { kind: 'map', at, entries } })
    return addition.id
  }
  const id = there === undefined ? addition.id : `${typeOf(addition.id)}/${registry.block?.key ?? 'added'}`
  section.entries.set(id, { keyAt: at, value })
  return id
}

/** Written pipelines get what the block adds: inline processors in front (privacy first), windowed ones and exporters behind. */
function joinPipelines(
  file: MapTree,
  registry: Registry,
  added: ReadonlyMap<ComponentKind, readonly string[]>,
  only: Only
): void {
  const pipelines = find(file, ['service', 'pipelines'])
  if (pipelines?.kind !== 'map') return
  for (const [id, entry] of pipelines.entries) {
    const signal = typeOf(id) as Signal
    if (entry.value.kind !== 'map') continue
    const isFor = (kind: ComponentKind, c: string) => only.get(`${kind}/${c}`)?.includes(signal) ?? true
    const fitting = (kind: ComponentKind) =>
      (added.get(kind) ?? []).filter(c => takes(registry, kind, c, signal) && isFor(kind, c))
    const isWindowed = (c: string) => declarationOf(registry, 'processors', typeOf(c))?.stage === 'windowed'
    insert(
      entry.value,
      'processors',
      fitting('processors').filter(c => !isWindowed(c)),
      'front'
    )
    insert(entry.value, 'processors', fitting('processors').filter(isWindowed), 'back')
    insert(entry.value, 'exporters', fitting('exporters'), 'back')
  }
}

function insert(pipeline: MapTree, key: string, ids: readonly string[], where: 'front' | 'back'): void {
  if (ids.length === 0) return
  const there = pipeline.entries.get(key)
  const list: ListTree = there?.value.kind === 'list' ? there.value : { kind: 'list', at: pipeline.at, items: [] }
  const known = new Set(list.items.map(item => (item.kind === 'scalar' ? item.value : undefined)))
  const items = ids.filter(id => !known.has(id)).map(id => treeOf(id, pipeline.at))
  const joined = where === 'front' ? [...items, ...list.items] : [...list.items, ...items]
  pipeline.entries.set(key, { keyAt: there?.keyAt ?? pipeline.at, value: { ...list, items: joined } })
}

/** One pipeline a signal, with every component that takes it, processors in the order they are written. */
function buildPipelines(file: MapTree, registry: Registry, only: Only, problems: ConfigProblem[]): void {
  const made: Record<string, unknown> = {}
  for (const signal of SIGNALS) {
    const isFor = (kind: ComponentKind, id: string) => only.get(`${kind}/${id}`)?.includes(signal) ?? true
    const of = (kind: ComponentKind) =>
      idsOf(file, kind).filter(id => takes(registry, kind, id, signal) && isFor(kind, id))
    const [receivers, processors, exporters] = [of('receivers'), of('processors'), of('exporters')]
    const makers = idsOf(file, 'processors').filter(
      id => declarationOf(registry, 'processors', typeOf(id))?.derives?.signal === signal
    )
    if (receivers.length > 0 && exporters.length > 0)
      made[signal] = { receivers: [...receivers, ...makers], processors, exporters }
  }
  if (Object.keys(made).length === 0) return
  put(file, ['service', 'pipelines'], treeOf(made, file.at))
  if (file.at.file === DEFAULTS) return
  const says = `no pipelines in the file: built ${Object.keys(made).join(', ')} from all components`
  problems.push(problem('note', 'CONFIG_DEFAULTED', file.at, ['service', 'pipelines'], says, '`explain` shows them.'))
}

/** An unknown type takes everything here: it is reported once, by the section. */
function takes(registry: Registry, kind: ComponentKind, id: string, signal: Signal): boolean {
  return declarationOf(registry, kind, typeOf(id))?.signals.includes(signal) ?? true
}

function idsOf(file: MapTree, kind: ComponentKind): string[] {
  const section = file.entries.get(kind)?.value
  return section?.kind === 'map' ? [...section.entries.keys()] : []
}

function sizeOf(tree: Tree | undefined): number {
  return tree?.kind === 'map' ? tree.entries.size : 0
}

/** Sets a part, making the maps above it. What is no map there is replaced. */
export function put(root: MapTree, path: Path, value: Tree): void {
  let here = root
  for (const part of path.slice(0, -1)) {
    const key = String(part)
    const next = here.entries.get(key)?.value
    if (next?.kind === 'map') {
      here = next
      continue
    }
    const made: MapTree = { kind: 'map', at: value.at, entries: new Map() }
    here.entries.set(key, { keyAt: value.at, value: made })
    here = made
  }
  here.entries.set(String(path.at(-1)), { keyAt: value.at, value })
}
