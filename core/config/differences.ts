// Which settings differ between two configs: names only, so that it can be told and kept. What is compared are keyed
// hashes of the values, so that it works over a restart without keeping a value, let alone a secret.

import { createHmac } from 'node:crypto'
import { type Path, pathText } from './problem.js'
import { Secret } from './secret.js'

/** A keyed hash of every single setting, by its path as in the file. A list's elements that have a name go by it. */
export type Fingerprints = ReadonlyMap<string, string>

export interface Difference {
  readonly path: string
  readonly kind: 'added' | 'removed' | 'changed'
}

/** @param key the same for all prints that are to be compared; secret, since settings may be guessable. */
export function fingerprints(settings: unknown, key: string): Fingerprints {
  const found = new Map<string, string>()
  visit(settings, [], (path, text) => {
    found.set(JSON.stringify(path), createHmac('sha256', key).update(text).digest('hex').slice(0, 32))
  })
  return found
}

/** What differs, by path; what came or went as a whole is one difference. */
export function differences(before: Fingerprints, after: Fingerprints): readonly Difference[] {
  const found = new Map<string, Difference>()
  const add = (path: string, kind: Difference['kind']) => found.set(path, { path, kind })
  for (const path of missing(after, before)) add(path, 'added')
  for (const path of missing(before, after)) add(path, 'removed')
  for (const [at, print] of after) {
    const old = before.get(at)
    if (old !== undefined && old !== print) add(pathText(JSON.parse(at) as Path), 'changed')
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** The highest places of `all` of which `other` has nothing. */
function missing(all: Fingerprints, other: Fingerprints): Set<string> {
  const known = new Set<string>()
  for (const at of other.keys()) {
    const path = JSON.parse(at) as Path
    for (let n = 0; n <= path.length; n++) known.add(JSON.stringify(path.slice(0, n)))
  }
  const found = new Set<string>()
  for (const at of all.keys()) {
    // An empty map that has got something in it is told by what that is.
    if (other.has(at) || known.has(at)) continue
    const path = JSON.parse(at) as Path
    let n = 1
    while (n < path.length && known.has(JSON.stringify(path.slice(0, n)))) n++
    found.add(pathText(path.slice(0, n)))
  }
  return found
}

function visit(value: unknown, path: Path, leaf: (path: Path, text: string) => void): void {
  if (value instanceof Secret) return leaf(path, `secret ${value.reveal()}`)
  if (value === undefined) return
  if (value === null || typeof value !== 'object') return leaf(path, JSON.stringify(value) ?? '')
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.map((one, i) => [nameOf(one) ?? i, one])
    : Object.entries(value)
  if (entries.length === 0) return leaf(path, Array.isArray(value) ? '[]' : '{}')
  // The order of a list may matter (processors), that of keys does not.
  if (Array.isArray(value) && value.every(one => typeof one !== 'object')) return leaf(path, JSON.stringify(value))
  for (const [key, one] of entries) visit(one, [...path, key], leaf)
}

function nameOf(value: unknown): string | undefined {
  const name = (value as { name?: unknown } | null)?.name
  return typeof name === 'string' ? name : undefined
}
