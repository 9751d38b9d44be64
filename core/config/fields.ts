// Schema helpers for config fields whose text is not their value: durations, sizes, secrets. Component schemas are plain
// typebox schemas plus these; core/config checks the text, fills defaults in and hands components the parsed value.

import { Type } from 'typebox'
import type { Secret } from './secret.js'

interface FieldOptions {
  /** One or two sentences for the reference page. */
  readonly description?: string
  /** As a person would write it: `5s`, `64MiB`. A field with a default need not be given. */
  readonly default?: string
  readonly examples?: readonly string[]
}

/** A duration such as `5s`, `200ms`, `1h30m`; the component gets milliseconds. */
export function duration(options: FieldOptions = {}) {
  return Type.Unsafe<number>({ type: 'string', format: 'duration', ...options })
}

/** A size such as `64MiB` (a bare integer counts bytes); the component gets bytes. */
export function byteSize(options: FieldOptions = {}) {
  return Type.Unsafe<number>({ type: ['string', 'integer'], format: 'bytes', minimum: 0, ...options })
}

/** A credential: the component gets a `Secret`, which prints as `[REDACTED]`; `explain` and logs never show it. */
export function secret(options: Omit<FieldOptions, 'default'> = {}) {
  return Type.Unsafe<Secret>({ type: 'string', writeOnly: true, ...options })
}
