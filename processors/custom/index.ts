// `custom`: an inline processor of the user's own, from a module.

import type { Log } from '../../core/component/context.js'
import { defineProcessor, type InlineProcessor } from '../../core/component/processor.js'
import { encodeAnyValue } from '../../core/otlp/decode.js'
import { schema } from './config.js'
import type { CustomLog, CustomProcessor } from './define.js'
import { checked, checkedHooks, errors, load, textOf } from './load.js'

export default defineProcessor({
  type: 'custom',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Runs a module of your own in the chain.',
  stage: 'inline',
  // What the module does is not known: it must be taken to change anything.
  mutates: true,
  schema,
  create({ module, config }, { id, log }) {
    const definition = load(module)
    const own = checked(definition, config, module)
    return checkedHooks(made(definition, own, module, id, log), module)
  }
})

function made(
  definition: CustomProcessor,
  config: Record<string, unknown>,
  module: string,
  id: string,
  log: Log
): InlineProcessor {
  try {
    return definition.create({ id, config, log: logOf(log, module), anyValue: encodeAnyValue })
  } catch (error) {
    throw errors.CUSTOM_PROCESSOR_SHAPE(module, `create() threw: ${textOf(error)}`)
  }
}

function logOf(log: Log, module: string): CustomLog {
  const line = (level: keyof CustomLog) => (message: string) => log[level]({ module }, textOf(message))
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}
