// An exporter as a script uses it: configured as a user would, started, stopped with the script.

import type { Exporter, ExporterDeclaration } from '../../core/component/exporter.js'
import { configOf } from '../../core/config/check.js'
import { Counts, realClock } from '../helpers/receiver.js'
import type { Run } from './harness.js'

/** Its counters, by `counter` and `counter:label`. */
export type Counted = Exporter & { readonly counted: Readonly<Record<string, number>> }

export async function exporterFor(run: Run, declaration: ExporterDeclaration, config: object): Promise<Counted> {
  const problems = declaration.validate?.(configOf(declaration.schema, config)) ?? []
  if (problems.length > 0) throw new Error(problems.map(({ path, says }) => `${path} ${says}`).join('; '))
  const counts = new Counts()
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const count = new Proxy({}, { get: (_, name: string) => counts.of(name) })
  const exporter = declaration.create(configOf(declaration.schema, config), {
    id: declaration.type,
    log,
    clock: realClock,
    count
  })
  run.onEnd(async () => exporter.stop?.())
  await exporter.start?.()
  return Object.assign(exporter, { counted: counts.values })
}

export const never: AbortSignal = new AbortController().signal
