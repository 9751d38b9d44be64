// Fills templates. `{v}` is the value; labels: `{l}` prose, `{L}` prose with a capital, `{k}` snake_case, `{K}` UPPER_SNAKE,
// `{c}` camelCase, `{P}` PascalCase, `{b}` kebab-case, `{h}` Header-Case, `{f}` flat; `{n}` and others are filled at random.

import type { Rng } from '../rng.js'
import type { TypeSpec } from '../values.js'

/** How a template quotes the value, which says what has to be escaped in it. */
export type Quoting = 'json' | 'sql' | 'xml' | 'csv' | 'double' | 'single' | 'url' | 'tight' | 'prose'

export type TemplateSet = Readonly<Partial<Record<Quoting, readonly string[]>>>

export interface Templates {
  /** What says nothing about the value. */
  readonly neutral: TemplateSet
  /** What says what the value is. */
  readonly labelled: TemplateSet
  /** Of one type alone. */
  readonly own: Readonly<Record<string, TemplateSet>>
  /** A telling word, a value and nothing else, for short places. */
  readonly short: readonly string[]
  readonly neutralKeys: readonly string[]
  /** Attribute keys around a snake_case word. */
  readonly keyStyles: readonly string[]
}

interface Flat {
  readonly quoting: Quoting
  readonly template: string
}

export const flat = (set: TemplateSet): Flat[] =>
  (Object.entries(set) as [Quoting, readonly string[]][]).flatMap(([quoting, templates]) =>
    templates.map(template => ({ quoting, template }))
  )

const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[_. -]+/)
const title = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

function labelForms(type: TypeSpec, rng: Rng): Record<string, string> {
  const label = rng.pick(type.labels)
  const key = rng.pick(type.keys)
  const words = wordsOf(key)
  const pascal = words.map(title).join('')
  return {
    l: label,
    L: title(label),
    k: words.join('_'),
    K: words.join('_').toUpperCase(),
    c: pascal.charAt(0).toLowerCase() + pascal.slice(1),
    P: pascal,
    b: words.join('-'),
    h: words.map(title).join('-'),
    f: words.join('')
  }
}

const FILLERS: Readonly<Record<string, (rng: Rng) => string>> = {
  n: rng => String(rng.int(2, 900)),
  N: rng => String(rng.int(10_000, 99_999)),
  hex8: rng => rng.hex(8),
  hex16: rng => rng.hex(16),
  hex32: rng => rng.hex(32),
  uuid: rng => `${rng.hex(8)}-${rng.hex(4)}-4${rng.hex(3)}-a${rng.hex(3)}-${rng.hex(12)}`,
  ts: rng =>
    `2026-0${rng.int(1, 9)}-1${rng.int(0, 9)}T0${rng.int(0, 9)}:1${rng.int(0, 9)}:2${rng.int(0, 9)}.${rng.digits(3)}Z`,
  day: rng => `2026-0${rng.int(1, 9)}-1${rng.int(0, 9)} 1${rng.int(0, 9)}:0${rng.int(0, 9)}:3${rng.int(0, 9)}`,
  clf: rng => `1${rng.int(0, 9)}/Mar/2026:0${rng.int(0, 9)}:11:4${rng.int(0, 9)} +0000`,
  epoch: rng => String(rng.int(1_770_000_000, 1_790_000_000)),
  word: rng => rng.pick(['ledger', 'intake', 'batch', 'sync', 'replay', 'export']),
  svc: rng => rng.pick(['billing-api', 'intake-worker', 'gateway', 'claims-svc', 'edge']),
  table: rng => rng.pick(['members', 'accounts', 'claims', 'staff', 'clients']),
  cls: rng => rng.pick(['com.acme.flow.IntakeStep', 'org.acme.claims.Loader', 'net.acme.Api']),
  lan: rng => `10.${rng.int(0, 9)}.${rng.int(0, 200)}.${rng.int(1, 200)}`
}

function escaped(value: string, quoting: Quoting): string {
  switch (quoting) {
    case 'json':
      return JSON.stringify(value).slice(1, -1)
    case 'sql':
      return value.replaceAll("'", "''")
    case 'xml':
      return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
    case 'csv':
      return value.replaceAll('"', '""')
    case 'double':
      return value.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')
    case 'single':
      return value.replaceAll("'", "\\'")
    case 'url':
      return encodeURIComponent(value)
    default:
      return value
  }
}

/** True when a template of this quoting can hold the text and a reader still sees where it ends. */
export function fits(quoting: Quoting, text: string): boolean {
  if (quoting === 'tight') return /^[^\s"'`,;&<>()[\]{}|=]+$/.test(text)
  if (quoting === 'url') return text.length < 300
  return true
}

/** One template with its value and labels; `raw` values are already written as they shall stand. */
export function fill(rng: Rng, { quoting, template }: Flat, type: TypeSpec, value: string, raw: boolean): string {
  const labels = labelForms(type, rng)
  const text = raw ? value : escaped(value, quoting)
  return template.replace(/\{([A-Za-z]\w*)\}/g, (whole, name: string) => {
    if (name === 'v') return text
    return labels[name] ?? FILLERS[name]?.(rng) ?? whole
  })
}

/** A template out of several sets that can hold the value; undefined when none can. */
export function choose(rng: Rng, sets: readonly TemplateSet[], value: string): Flat | undefined {
  const all = sets.flatMap(flat).filter(({ quoting }) => fits(quoting, value))
  return all.length === 0 ? undefined : rng.pick(all)
}

/** An attribute key that tells the type, as people write keys. */
export function telling(rng: Rng, templates: Templates, type: TypeSpec): string {
  const key = rng.pick(type.keys)
  if (key.includes('.') || /[A-Z]/.test(key)) return key
  return fill(rng, { quoting: 'prose', template: rng.pick(templates.keyStyles) }, { ...type, keys: [key] }, '', true)
}
