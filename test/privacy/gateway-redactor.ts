// The gateway's own redaction, as the scorer wants it: the real chain with the redaction processor and no configuration.

import type { ComponentContext } from '../../core/component/context.js'
import type { ProcessorDeclaration } from '../../core/component/processor.js'
import { configOf } from '../../core/config/check.js'
import { SIGNALS, type Signal } from '../../core/otlp/signal.js'
import { Chain } from '../../core/pipeline/chain.js'
import { PROCESSORS } from '../../processors/index.js'
import type { Redactor } from './score.js'

/** The redaction processor of the built-in list. @throws when it is not there. */
export function redaction(): ProcessorDeclaration {
  const declaration = PROCESSORS.find(({ type }) => type === 'redaction')
  if (declaration === undefined) throw new Error('processors/index.ts lists no processor of type redaction')
  return declaration
}

export interface GatewayRedactor {
  readonly redact: Redactor
  /** What hooks threw, by message. What a hook threw at is gone, which must not pass for good redaction. */
  readonly failures: ReadonlyMap<string, number>
  /** How much was found so far. */
  findings(): number
}

/** A redactor that runs the chain; `config` as in a config file, default: nothing. */
export function gatewayRedactor(config: object = {}): GatewayRedactor {
  const failures = new Map<string, number>()
  const failed = (error: unknown): void => {
    const text = String(error)
    failures.set(text, (failures.get(text) ?? 0) + 1)
  }
  let found = 0
  const find = (n: number): void => {
    found += n
  }
  const chains = new Map<Signal, Chain>(SIGNALS.map(signal => [signal, chainOf(signal, config, failed, find)]))
  const redact: Redactor = (signal, bytes) => (chains.get(signal) as Chain).run(bytes).bytes
  return { redact, failures, findings: () => found }
}

function chainOf(signal: Signal, config: object, failed: (error: unknown) => void, find: (n: number) => void): Chain {
  const declaration = redaction()
  const processor = declaration.create(configOf(declaration.schema, config), contextOf(declaration, find))
  return new Chain(signal, [{ id: declaration.type, processor, mutates: declaration.mutates }], {
    failed: (_, error) => failed(error)
  })
}

function contextOf({ type, counters }: ProcessorDeclaration, find: (n: number) => void): ComponentContext {
  const quiet = (): void => {}
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet }
  const clock = { now: () => 1_780_000_000_000, after: () => ({ cancel: quiet }) }
  const count = Object.fromEntries(
    Object.keys(counters ?? {}).map(name => [name, name === 'findings' || name === 'failed' ? find : quiet])
  )
  return { id: type, log, clock, count }
}
