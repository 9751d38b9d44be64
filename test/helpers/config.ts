// A component's config as the gateway would hand it over: defaults filled in, durations and sizes parsed.

import { Secret } from '../../core/config/secret.js'
import { parseBytes, parseDuration } from '../../core/config/units.js'

interface Schema {
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly writeOnly?: boolean
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
}

/** Fills `value` in from `schema`; for tests of components, which do not need the whole config engine. */
export function configOf<T>(schema: unknown, value: unknown): T {
  return filled(schema as Schema, value) as T
}

function filled(schema: Schema, given: unknown): unknown {
  const value = given ?? schema.default
  if (value === undefined) return undefined
  if (schema.properties !== undefined) return filledObject(schema.properties, value as Record<string, unknown>)
  if (schema.items !== undefined && Array.isArray(value)) return value.map(item => filled(schema.items as Schema, item))
  if (schema.format === 'duration' && typeof value === 'string') return parseDuration(value)
  if (schema.format === 'bytes' && typeof value === 'string') return parseBytes(value)
  return schema.writeOnly === true && typeof value === 'string' ? new Secret(value) : value
}

function filledObject(properties: Readonly<Record<string, Schema>>, value: Record<string, unknown>): object {
  const object: Record<string, unknown> = {}
  for (const [key, schema] of Object.entries(properties)) {
    const field = filled(schema, value[key])
    if (field !== undefined) object[key] = field
  }
  return object
}
