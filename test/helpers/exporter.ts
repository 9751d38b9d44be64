// Makes an exporter from its declaration and a config as a user would write it.

import type { ComponentContext } from '../../core/component/context.js'
import type { Exporter, ExporterDeclaration } from '../../core/component/exporter.js'
import { configOf } from '../../core/config/check.js'
import { realClock, silentLog } from './receiver.js'

/** Started; stopped when the test ends. */
export async function exporterOf(
  t: { teardown(fn: () => unknown): void },
  declaration: ExporterDeclaration,
  config: object,
  clock = realClock
): Promise<Exporter> {
  const checked = configOf(declaration.schema, config)
  const context: ComponentContext = { id: declaration.type, log: silentLog, clock, count: countersOf(declaration) }
  const exporter = declaration.create(checked, context)
  t.teardown(() => exporter.stop?.())
  await exporter.start?.()
  return exporter
}

/** Every declared counter, counting into nothing. */
function countersOf({ counters = {} }: ExporterDeclaration): ComponentContext['count'] {
  return Object.fromEntries(Object.keys(counters).map(name => [name, () => {}]))
}

export const never: AbortSignal = new AbortController().signal
