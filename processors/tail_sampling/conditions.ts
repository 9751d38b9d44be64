// Conditions on attribute values, answered from the encoded bytes while the window reads them.

import RE2 from 're2'
import type { AttributeCondition, TraceStateCondition } from '../../core/component/windowed.js'
import { signedOf, WireReader } from '../../core/otlp/wire.js'
import type { Policy } from './policies.js'

const STRING = 1
const BOOL = 2
const INT = 3
const DOUBLE = 4

type Part<K extends keyof Policy> = NonNullable<Policy[K]>

export function stringCondition({ key, values, enabled_regex_matching }: Part<'string_attribute'>): AttributeCondition {
  if (enabled_regex_matching) {
    const patterns = values.map(value => new RE2(value))
    return {
      key,
      test: (buf, type, from, to) => type === STRING && patterns.some(p => p.test(buf.toString('utf8', from, to)))
    }
  }
  const wanted = values.map(value => Buffer.from(value))
  return {
    key,
    test(buf, type, from, to) {
      if (type !== STRING) return false
      for (const value of wanted) {
        if (value.length === to - from && buf.compare(value, 0, value.length, from, to) === 0) return true
      }
      return false
    }
  }
}

export function numericCondition({ key, min_value, max_value }: Part<'numeric_attribute'>): AttributeCondition {
  return {
    key,
    test(buf, type, from, to) {
      if (type !== INT && type !== DOUBLE) return false
      const value = type === DOUBLE ? buf.readDoubleLE(from) : intAt(buf, from, to)
      return value >= min_value && value <= max_value
    }
  }
}

export function booleanCondition({ key, value }: Part<'boolean_attribute'>): AttributeCondition {
  return { key, test: (buf, type, from) => type === BOOL && (buf[from] !== 0) === value }
}

export function traceStateCondition({ key, values }: Part<'trace_state'>): TraceStateCondition {
  return { key, test: value => values.includes(value) }
}

function intAt(buf: Buffer, from: number, to: number): number {
  const reader = new WireReader(buf, from, to)
  reader.varint()
  return Number(signedOf(reader.lo, reader.hi))
}
