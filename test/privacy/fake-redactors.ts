// Redactors whose score is known before: they prove the scorer.

import { futureOracle, type Plain } from '../helpers/otlp-oracle.js'
import type { Redactor } from './score.js'

export const identity: Redactor = (_, bytes) => bytes

/** Changes every string of a message, keys too, one by one. */
export const forEachString = (change: (text: string) => string): Redactor =>
  through((_, value) => (typeof value === 'string' ? change(value) : value))

/** Every string and every value becomes a mark. */
export const removeAll: Redactor = through((name, value) =>
  typeof value === 'string' ? 'X' : /^(bytes|int|double|bool)Value$/.test(name) ? undefined : value
)

function through(change: (name: string, value: unknown) => unknown): Redactor {
  const message = (from: Plain): Plain => {
    const out: Plain = {}
    for (const [name, value] of Object.entries(from)) {
      out[name] = Array.isArray(value) ? value.map(one => single(name, one)) : single(name, value)
    }
    return out
  }
  const single = (name: string, value: unknown): unknown => {
    const isMessage = typeof value === 'object' && value !== null && !Buffer.isBuffer(value)
    return isMessage ? message(value as Plain) : change(name, value)
  }
  return (signal, bytes) => futureOracle.encodeRequest(signal, message(futureOracle.decodeRequest(signal, bytes)))
}
