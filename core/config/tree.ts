// The config file as a tree that remembers where each part was written, so that a problem found late (after substitution,
// expansion, defaults) still names the line the operator typed.

import type { Document, Node, Range } from 'yaml'
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { ConfigProblem, Path } from './problem.js'
import { problem } from './problem.js'

export interface Position {
  readonly file: string
  readonly line: number
  readonly column: number
}

export type Scalar = string | number | boolean | null
export type Tree = MapTree | ListTree | ScalarTree

export interface MapTree {
  readonly kind: 'map'
  readonly at: Position
  readonly entries: Map<string, { readonly keyAt: Position; value: Tree }>
}

export interface ListTree {
  readonly kind: 'list'
  readonly at: Position
  readonly items: Tree[]
}

export interface ScalarTree {
  readonly kind: 'scalar'
  readonly at: Position
  readonly value: Scalar
  /** The text that stood for the value when it came out of a `${...}`: wanted where text is expected. */
  readonly raw?: string
  /** The reference as written, when what it stands for may be a credential: shown instead of the value. */
  readonly shownAs?: string
}

/** Turns a scalar of the file into what it stands for; core/config/substitute.ts. */
export type Resolve = (text: string, at: Position, path: Path) => Tree

/** An alias may repeat a big part many times ("billion laughs"): no config file needs more parts than this. */
const MAX_NODES = 100_000

/** Parses YAML; problems carry positions. An empty text gives an empty map. */
export function parseTree(text: string, file: string, resolve: Resolve, problems: ConfigProblem[]): MapTree {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    merge: true,
    prettyErrors: false,
    maxAliasCount: 1000
  } as never)
  const at = (offset: number): Position => ({
    file,
    line: lines.linePos(offset).line,
    column: lines.linePos(offset).col
  })
  const told = new Set<number>()
  for (const e of document.errors) {
    const place = at(e.pos[0])
    // One slip makes the parser stumble several times on its line.
    if (told.has(place.line)) continue
    told.add(place.line)
    const isReference = text.split('\n')[place.line - 1]?.includes('${') === true
    const fix = isReference ? 'Inside `{...}` and `[...]` a `${...}` must stand in quotes.' : SYNTAX_HELP[e.code]
    problems.push(problem('error', 'CONFIG_SYNTAX', place, [], e.message, fix))
  }
  const empty: MapTree = { kind: 'map', at: { file, line: 1, column: 1 }, entries: new Map() }
  if (document.errors.length > 0 || document.contents === null) return empty
  const tree = new Builder(document, at, resolve, problems).build(document.contents, [])
  if (tree.kind === 'map') return tree
  if (tree.kind === 'scalar' && tree.value === null) return empty
  problems.push(
    problem(
      'error',
      'CONFIG_WRONG_TYPE',
      tree.at,
      [],
      'the file must hold keys and values (`receivers:`, `exporters:`, ...)'
    )
  )
  return empty
}

const SYNTAX_HELP: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'Indent with spaces.',
  DUPLICATE_KEY: 'Keep one of the two; an id can be told apart by a name: `otlp_http/second`.',
  BAD_INDENT: 'Check the indentation of this line and the one before.',
  MULTIPLE_DOCS: 'Keep one document a file (no second `---`).'
}

class Builder {
  readonly #document: Document
  readonly #at: (offset: number) => Position
  readonly #resolve: Resolve
  readonly #problems: ConfigProblem[]
  #nodes = 0

  constructor(document: Document, at: (offset: number) => Position, resolve: Resolve, problems: ConfigProblem[]) {
    this.#document = document
    this.#at = at
    this.#resolve = resolve
    this.#problems = problems
  }

  build(node: unknown, path: Path): Tree {
    const at = this.#place(node)
    if (++this.#nodes > MAX_NODES) {
      if (this.#nodes === MAX_NODES + 1) {
        this.#problems.push(
          problem('error', 'CONFIG_SYNTAX', at, path, `more than ${MAX_NODES} parts`, 'Use fewer aliases.')
        )
      }
      return { kind: 'scalar', at, value: null }
    }
    if (isAlias(node)) return this.build(node.resolve(this.#document), path)
    if (isMap(node)) return this.#map(node as never, at, path)
    if (isSeq(node)) return { kind: 'list', at, items: node.items.map((item, i) => this.build(item, [...path, i])) }
    if (!isScalar(node)) return { kind: 'scalar', at, value: null }
    const value = node.value as Scalar | bigint | Date
    if (typeof value === 'string' && value.includes('$')) return this.#resolve(value, at, path)
    return { kind: 'scalar', at, value: plain(value, node.source) }
  }

  #map(node: { items: { key: unknown; value: unknown }[] }, at: Position, path: Path): MapTree {
    const entries: MapTree['entries'] = new Map()
    const merged: MapTree[] = []
    for (const pair of node.items) {
      const keyAt = this.#place(pair.key)
      if (isScalar(pair.key) && typeof pair.key.value === 'symbol') {
        const parts = this.build(pair.value, path)
        for (const part of parts.kind === 'list' ? parts.items : [parts]) if (part.kind === 'map') merged.push(part)
        continue
      }
      const key = isScalar(pair.key) ? String(pair.key.value) : undefined
      if (key === undefined) {
        this.#problems.push(problem('error', 'CONFIG_SYNTAX', keyAt, path, 'a key must be plain text'))
        continue
      }
      const value: Tree =
        pair.value === null ? { kind: 'scalar', at: keyAt, value: null } : this.build(pair.value, [...path, key])
      entries.set(key, { keyAt, value })
    }
    for (const part of merged) for (const [key, entry] of part.entries) if (!entries.has(key)) entries.set(key, entry)
    return { kind: 'map', at, entries }
  }

  #place(node: unknown): Position {
    const range = (node as Node | null)?.range as Range | null | undefined
    return this.#at(range?.[0] ?? 0)
  }
}

/** Big integers and dates stay text: no config value is one. */
function plain(value: Scalar | bigint | Date, source: string | undefined): Scalar {
  return typeof value === 'bigint' || value instanceof Date ? (source ?? String(value)) : value
}

/** The part at `path`, or undefined. */
export function find(tree: Tree, path: Path): Tree | undefined {
  let here: Tree | undefined = tree
  for (const part of path) {
    if (here?.kind === 'map') here = here.entries.get(String(part))?.value
    else if (here?.kind === 'list') here = here.items[Number(part)]
    else return undefined
  }
  return here
}

/** The place of `path`, or of the deepest part above it that was written. */
export function placeOf(tree: Tree, path: Path): Position {
  let here: Tree = tree
  let at = tree.at
  for (const part of path) {
    const next: Tree | undefined = find(here, [part])
    if (next === undefined) return at
    at = next.kind === 'scalar' || here.kind !== 'map' ? next.at : here.entries.get(String(part))!.keyAt
    here = next
  }
  return at
}

/** The place of the key itself. */
export function keyPlaceOf(tree: Tree, path: Path): Position {
  const parent = find(tree, path.slice(0, -1))
  const entry = parent?.kind === 'map' ? parent.entries.get(String(path.at(-1))) : undefined
  return entry?.keyAt ?? placeOf(tree, path)
}

/** Plain values as a tree, all at one place; parts that are trees already stay as they are, with their own place. */
export function treeOf(value: unknown, at: Position): Tree {
  if (isTree(value)) return value
  if (Array.isArray(value)) return { kind: 'list', at, items: value.map(item => treeOf(item, at)) }
  if (value !== null && typeof value === 'object') {
    const entries: MapTree['entries'] = new Map()
    for (const [key, part] of Object.entries(value))
      if (part !== undefined) entries.set(key, { keyAt: at, value: treeOf(part, at) })
    return { kind: 'map', at, entries }
  }
  return { kind: 'scalar', at, value: value as Scalar }
}

/** A tree as plain values. */
export function plainOf(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value
  if (tree.kind === 'list') return tree.items.map(plainOf)
  return Object.fromEntries([...tree.entries].map(([key, entry]) => [key, plainOf(entry.value)]))
}

const trees = new Set(['map', 'list', 'scalar'])

function isTree(value: unknown): value is Tree {
  const tree = value as Partial<Tree> | null
  return (
    typeof tree === 'object' && tree !== null && trees.has(tree.kind as string) && typeof tree.at?.file === 'string'
  )
}
