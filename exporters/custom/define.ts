// What a custom exporter's module exports. Types and one identity function: a module needs no import from here to run.

import type { Decoded } from '../../core/otlp/decode.js'
import type { Signal } from '../../core/otlp/signal.js'

/** What `send` gets as its request: plain objects, or the encoded OTLP request. */
export type CustomInput = 'objects' | 'bytes'

/** Lines go to the gateway's log, limited in number and length. Names, counts and codes only, never telemetry values. */
export interface CustomLog {
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

export interface CustomContext<Config> {
  /** The exporter's id in the config file: `custom/mine`. */
  readonly id: string
  /** Checked against `schema`, its defaults filled in. */
  readonly config: Config
  readonly log: CustomLog
}

export interface SendInfo {
  readonly signal: Signal
  /** Spans, data points or log records in the request. */
  readonly items: number
  /** Fires when the answer is wanted no more. */
  readonly abort: AbortSignal
}

/**
 * The answer of `send`. Nothing (`undefined`) = delivered. A thrown error = try again later.
 * - `delivered`: `rejected` items were refused for good by the back end
 * - `retry`: may work later, after `afterMs` if given
 * - `refused`: the same input will always fail; it goes to the dead letters. `tooLarge`: a smaller request may work
 */
export type CustomOutcome =
  | { readonly kind: 'delivered'; readonly rejected?: number; readonly message?: string }
  | { readonly kind: 'retry'; readonly afterMs?: number; readonly message?: string }
  | { readonly kind: 'refused'; readonly tooLarge?: boolean; readonly message?: string }

/** What `send` may return. */
// biome-ignore lint/suspicious/noConfusingVoidType: a send that returns nothing is the usual one.
export type CustomAnswer = CustomOutcome | undefined | void

/**
 * The request of `objects` is the decoded OTLP request; of `bytes` an `Uint8Array` of it in protobuf encoding. With
 * `encoding: algoflow_json` in the gateway's config a logs request is a string of JSON lines instead: `String(request)`.
 */
export type CustomRequest<Input extends CustomInput> = Input extends 'bytes' ? Uint8Array : Decoded[Signal]

/** A running custom exporter. `start` and `stop` are called once; `send` may be called again before it has answered. */
export interface RunningCustomExporter<Input extends CustomInput = CustomInput> {
  start?(): void | Promise<void>
  send(request: CustomRequest<Input>, info: SendInfo): CustomAnswer | Promise<CustomAnswer>
  stop?(): void | Promise<void>
}

/** The default export of a custom exporter's module. */
export interface CustomExporter<Config = Record<string, unknown>, Input extends CustomInput = 'objects'> {
  /** Default: `objects`. */
  readonly input?: Input
  /** JSON Schema of the `config` block. Default: anything goes. */
  readonly schema?: Readonly<Record<string, unknown>>
  create(context: CustomContext<Config>): RunningCustomExporter<Input>
}

/** Gives a module's definition its types; does nothing else. */
export function defineCustomExporter<Config = Record<string, unknown>, Input extends CustomInput = 'objects'>(
  definition: CustomExporter<Config, Input>
): CustomExporter<Config, Input> {
  return definition
}
