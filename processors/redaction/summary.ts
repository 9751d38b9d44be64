// The Collector's diagnostic attributes: what was done to an item, as counts or with the keys.

import { encodeLength } from '../../core/otlp/edit.js'
import type { ItemView } from '../../core/otlp/views.js'

/** Collects over one item, writes at its end. */
export class Summary {
  readonly #withKeys: boolean
  #masked: string[] = []
  #dropped: string[] = []
  #maskedCount = 0
  #droppedCount = 0

  constructor(level: 'info' | 'debug') {
    this.#withKeys = level === 'debug'
  }

  masked(key: string | undefined): void {
    this.#maskedCount++
    if (key !== undefined) this.#masked.push(key)
  }

  dropped(key: string | undefined): void {
    this.#droppedCount++
    if (key !== undefined) this.#dropped.push(key)
  }

  write(item: ItemView): void {
    if (this.#maskedCount > 0) this.#insert(item, 'masked', this.#maskedCount, this.#masked)
    if (this.#droppedCount > 0) this.#insert(item, 'redacted', this.#droppedCount, this.#dropped)
    this.#masked = []
    this.#dropped = []
    this.#maskedCount = this.#droppedCount = 0
  }

  #insert(item: ItemView, what: string, count: number, keys: readonly string[]): void {
    if (this.#withKeys) item.insert(`redaction.${what}.keys`, stringValue([...new Set(keys)].sort().join(',')))
    item.insert(`redaction.${what}.count`, intValue(count))
  }
}

/** AnyValue { string_value = 1 }. */
function stringValue(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.of(0x0a), encodeLength(bytes.length), bytes])
}

/** AnyValue { int_value = 3 }: a small positive number is its own varint of a length. */
function intValue(value: number): Buffer {
  return Buffer.concat([Buffer.of(0x18), encodeLength(value)])
}
