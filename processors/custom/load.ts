// Loads a custom processor's module and checks its config.
//
// The chain must know a processor's hooks when it is built, which is synchronous, so the module is loaded with require:
// Node loads ES modules that way where they have no top-level await (20.19, 22.12 and up).

import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { Ajv } from 'ajv'
import { catalogue } from '../../core/component/errors.js'
import type { InlineProcessor } from '../../core/component/processor.js'
import type { CustomProcessor } from './define.js'

export const errors = catalogue({
  CUSTOM_PROCESSOR_LOAD: (module: string, why: string) =>
    `custom processor: cannot load ${module} (${why}). Check \`module\`, and that it is an ES module without top-level await.`,
  CUSTOM_PROCESSOR_SHAPE: (module: string, why: string) =>
    `custom processor: ${module} is no processor: ${why}. See docs/custom-processors.md.`,
  CUSTOM_PROCESSOR_CONFIG: (module: string, why: string) =>
    `custom processor: ${module} does not accept its \`config\`: ${why}.`
})

const HOOKS: readonly (keyof InlineProcessor)[] = ['item', 'attribute', 'value', 'itemEnd', 'batchEnd']
const MAX_TEXT = 300
const require = createRequire(import.meta.url)

/** @throws CUSTOM_PROCESSOR_LOAD, CUSTOM_PROCESSOR_SHAPE */
export function load(module: string): CustomProcessor {
  let loaded: { default?: Partial<CustomProcessor> }
  try {
    loaded = require(resolve(module))
  } catch (error) {
    throw errors.CUSTOM_PROCESSOR_LOAD(module, textOf(error))
  }
  if (typeof loaded.default?.create !== 'function') {
    throw errors.CUSTOM_PROCESSOR_SHAPE(module, 'its default export has no create()')
  }
  return loaded.default as CustomProcessor
}

/** The config with the schema's defaults. @throws CUSTOM_PROCESSOR_CONFIG, CUSTOM_PROCESSOR_SHAPE */
export function checked(definition: CustomProcessor, given: object, module: string): Record<string, unknown> {
  const config = structuredClone(given) as Record<string, unknown>
  if (definition.schema === undefined) return config
  const check = compile(definition.schema, module)
  if (check(config)) return config
  // Paths and rules, no values: a config may hold secrets.
  const problems = (check.errors ?? []).map(
    e => `config${e.instancePath.replaceAll('/', '.')} ${e.message ?? 'is invalid'}`
  )
  throw errors.CUSTOM_PROCESSOR_CONFIG(module, problems.join('; '))
}

/** Checks what `create` gave: at least one hook, each a synchronous function. @throws CUSTOM_PROCESSOR_SHAPE */
export function checkedHooks(processor: unknown, module: string): InlineProcessor {
  const given = (processor ?? {}) as Record<string, unknown>
  const present = HOOKS.filter(hook => given[hook] !== undefined)
  if (present.length === 0) {
    throw errors.CUSTOM_PROCESSOR_SHAPE(module, `what create() returns has none of ${HOOKS.join(', ')}`)
  }
  for (const hook of present) {
    if (typeof given[hook] !== 'function') throw errors.CUSTOM_PROCESSOR_SHAPE(module, `${hook} is not a function`)
    if (given[hook].constructor.name === 'AsyncFunction') {
      throw errors.CUSTOM_PROCESSOR_SHAPE(module, `${hook} is async; hooks are synchronous`)
    }
  }
  return processor as InlineProcessor
}

export function textOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, MAX_TEXT)
}

function compile(schema: Readonly<Record<string, unknown>>, module: string) {
  try {
    return new Ajv({ allErrors: true, useDefaults: true, strict: false }).compile(schema)
  } catch (error) {
    throw errors.CUSTOM_PROCESSOR_SHAPE(module, `its \`schema\` is no JSON Schema: ${textOf(error)}`)
  }
}
