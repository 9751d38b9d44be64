// What a custom processor's module exports. Types and one identity function: a module needs no import from here to run.

import type { InlineProcessor } from '../../core/component/processor.js'

export type { InlineProcessor } from '../../core/component/processor.js'
export type { Key } from '../../core/otlp/keys.js'
export type { AttributeView, ItemView, ValueView } from '../../core/otlp/views.js'

/** Names, counts and codes only, never telemetry values. */
export interface CustomLog {
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

export interface CustomProcessorContext<Config> {
  /** The processor's id in the config file: `custom/mine`. */
  readonly id: string
  /** Checked against `schema`, its defaults filled in. */
  readonly config: Config
  readonly log: CustomLog
  /** Encodes a JavaScript value for `insert` and `replaceValue`. */
  anyValue(value: unknown): Buffer
}

/** The default export of a custom processor's module. */
export interface CustomProcessor<Config = Record<string, unknown>> {
  /** JSON Schema of the `config` block. Default: anything goes. */
  readonly schema?: Readonly<Record<string, unknown>>
  /** Gives the hooks; the ones it has are the places it is asked at. Synchronous, as every hook. */
  create(context: CustomProcessorContext<Config>): InlineProcessor
}

/** Gives a module's definition its types; does nothing else. */
export function defineCustomProcessor<Config = Record<string, unknown>>(
  definition: CustomProcessor<Config>
): CustomProcessor<Config> {
  return definition
}
