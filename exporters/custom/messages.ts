// What the gateway and the worker of a custom exporter say to each other.

import type { Signal } from '../../core/otlp/signal.js'
import type { CustomOutcome } from './define.js'

export interface WorkerSetup {
  readonly id: string
  /** A `file:` URL. */
  readonly module: string
  readonly config: Readonly<Record<string, unknown>>
}

export type ToWorker =
  | {
      readonly type: 'send'
      readonly call: number
      readonly signal: Signal
      readonly items: number
      readonly bytes: Uint8Array
      /** `bytes` is text in UTF-8, to be handed over as a string. */
      readonly isText: boolean
    }
  | { readonly type: 'abort'; readonly call: number }
  | { readonly type: 'stop' }

export type Level = 'debug' | 'info' | 'warn' | 'error'

export type FromWorker =
  | { readonly type: 'ready' }
  /** The module cannot be used; `code` is one of the host's error codes. */
  | { readonly type: 'unusable'; readonly code: StartFailure; readonly message: string }
  | { readonly type: 'answer'; readonly call: number; readonly outcome: CustomOutcome; readonly offHeapBytes: number }
  | { readonly type: 'log'; readonly level: Level; readonly message: string }
  | { readonly type: 'stopped' }

export type StartFailure = 'CUSTOM_LOAD' | 'CUSTOM_SHAPE' | 'CUSTOM_CONFIG' | 'CUSTOM_START'
