// The built-in receivers: a declaration for config and docs, and how to make one.

import type { Declared } from '../../../core/config/registry.js'
import type { OtlpConfig } from './otlp/config.js'
import { createOtlpReceiver, type OtlpReceiver, otlpReceiver } from './otlp/index.js'
import type { ReceiverContext } from './shared/door.js'

/** A running receiver, whatever its type. */
export type Receiver = OtlpReceiver

export interface ReceiverType {
  readonly declaration: Declared
  create(id: string, config: unknown, context: ReceiverContext): Receiver
}

export const RECEIVER_TYPES: readonly ReceiverType[] = [
  {
    declaration: otlpReceiver as unknown as Declared,
    create: (id, config, context) => createOtlpReceiver(id, config as OtlpConfig, context)
  }
]

/** The declarations alone, as the config engine and the reference pages want them. */
export const RECEIVERS: readonly Declared[] = RECEIVER_TYPES.map(type => type.declaration)
