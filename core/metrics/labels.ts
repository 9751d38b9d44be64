// Attributes -> labels: names mended, values as text, sorted, values of names that fall together joined.

import type { Labels } from './model.js'
import { labelName } from './names.js'

/** One decoded attribute. */
export interface Attribute {
  readonly key: string
  readonly value: unknown
}

/**
 * Labels of one series. Attributes whose keys become one name are joined with `;` in the order of their keys
 * (specification, section "Metric Attributes"); empty texts are left out, as Prometheus itself does.
 */
export class LabelSet {
  readonly #texts = new Map<string, string>()

  /** Adds attributes; a name that an earlier call gave stays as it is. `prefix` goes before every name. */
  addAttributes(attributes: readonly Attribute[], prefix = ''): this {
    // Names that stood here before this call belong to others; its own may be joined.
    const others = this.#texts.size === 0 ? undefined : new Set(this.#texts.keys())
    for (const { key, value } of inKeyOrder(attributes)) {
      const name = labelName(prefix === '' ? key : prefix + key)
      if (name === '' || others?.has(name)) continue
      const text = attributeText(value)
      const before = this.#texts.get(name)
      this.#texts.set(name, before === undefined ? text : `${before};${text}`)
    }
    return this
  }

  /** Sets a label whose name is known to be good, over any attribute. */
  set(name: string, text: string): this {
    this.#texts.set(name, text)
    return this
  }

  /** Sets it where nothing else did. */
  setDefault(name: string, text: string): this {
    if (!this.#texts.has(name)) this.#texts.set(name, text)
    return this
  }

  /** Gives an attribute's label another name, because the exposition needs that one (`le`, `quantile`). */
  moveAway(name: string): this {
    const text = this.#texts.get(name)
    if (text === undefined) return this
    this.#texts.delete(name)
    return this.setDefault(`exported_${name}`, text)
  }

  build(): Labels {
    const pairs: [string, string][] = []
    for (const pair of this.#texts) if (pair[1] !== '') pairs.push(pair)
    return pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  }
}

/** The identity of a set of labels. The separators cannot stand in a name; lengths keep values apart. */
export function labelsKey(labels: Labels): string {
  let key = ''
  for (const [name, text] of labels) key += `${name}=${text.length}:${text},`
  return key
}

/** An attribute's value as text (specification "common", section "Attribute"): scalars plainly, the rest as JSON. */
export function attributeText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return ''
  if (typeof value === 'bigint' || typeof value === 'boolean' || typeof value === 'number') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return JSON.stringify(value, jsonValue) ?? ''
}

// Without toJSON of Buffer getting in first: the holder still has the original value.
function jsonValue(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key]
  if (original instanceof Uint8Array) return Buffer.from(original).toString('base64')
  if (typeof value !== 'bigint') return value
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
}

function inKeyOrder(attributes: readonly Attribute[]): readonly Attribute[] {
  for (let i = 1; i < attributes.length; i++) {
    if (attributes[i]!.key < attributes[i - 1]!.key) {
      return [...attributes].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    }
  }
  return attributes
}
