// One part of the config against one schema: ajv finds what is wrong, this file says it in words with a place, then fills
// in defaults and turns text into values (milliseconds, bytes, Secret).

import type { ErrorObject, ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Static, TSchema } from 'typebox'
import type { ConfigProblem, Path, ProblemCode } from './problem.js'
import { problem, problemText } from './problem.js'
import { Secret } from './secret.js'
import { didYouMean } from './suggest.js'
import type { Position, Tree } from './tree.js'
import { find, keyPlaceOf, placeOf, plainOf, treeOf } from './tree.js'
import { parseBytes, parseDuration } from './units.js'

/** The JSON Schema keywords that config schemas use. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly writeOnly?: boolean
  readonly default?: unknown
  readonly description?: string
  readonly examples?: readonly unknown[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema | readonly Schema[]
  readonly prefixItems?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
}

/** `localhost:8888`, `:8888`, `[::1]:8888`. */
const HOST_PORT = /^(\[[0-9a-fA-F:.%\w]+\]|[^:[\]\s/]*):\d{1,5}$/

const ajv = new Ajv2020({ allErrors: true, verbose: true, strict: false, logger: false })
ajv.addFormat('duration', text => parseDuration(text) !== undefined)
ajv.addFormat('host_port', HOST_PORT)
ajv.addFormat('bytes', { type: 'string', validate: (text: string) => parseBytes(text) !== undefined })

const HIDDEN = '[REDACTED]'
/** Keys whose text is never shown, whatever their schema says. */
const SECRETIVE_KEY = /(^|[_.-])(password|passwd|secret|token|authorization|api[_-]?key|credentials?)$/i
/** The credentials of a URL. */
const USER_INFO = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi

const validators = new WeakMap<object, ValidateFunction>()
const inputs = new WeakMap<object, Schema>()

/**
 * Checks `tree` and gives the finished value, or undefined after adding to `problems`.
 * `path` is where the tree stands in the file, `at` the place of its key.
 */
export function check<S extends TSchema>(
  schema: S,
  tree: Tree,
  path: Path,
  problems: ConfigProblem[],
  at: Position = tree.at
): Static<S> | undefined {
  const given = shaped(schema as Schema, tree)
  const validate = validatorOf(schema as Schema)
  if (validate(given)) return filled(schema as Schema, given, parsed) as Static<S>
  const before = problems.length
  explain(validate.errors ?? [], { root: tree, at, path, problems })
  if (problems.length === before) {
    problems.push(problem('error', 'CONFIG_WRONG_VALUE', at, path, 'does not fit its schema'))
  }
  return undefined
}

/** A finished component config from plain values as a file would hold them; throws with every problem. For tests and embedding. */
export function configOf<S extends TSchema>(schema: S, input: unknown = {}): Static<S> {
  const problems: ConfigProblem[] = []
  const value = check(schema, treeOf(input, { file: 'config', line: 0, column: 0 }), [], problems)
  if (problems.length > 0) throw new TypeError(problems.map(problemText).join('\n'))
  return value as Static<S>
}

/**
 * What a file may hold, as JSON Schema: keys with defaults need not be given, unknown keys are refused, a choice of
 * literals is an enum.
 */
export function inputSchema(schema: Schema): Schema {
  const known = inputs.get(schema)
  if (known !== undefined) return known
  const made = makeInput(schema)
  inputs.set(schema, made)
  return made
}

function makeInput(schema: Schema): Schema {
  const { anyOf, oneOf, allOf, properties, patternProperties, items, additionalProperties, required, ...rest } = schema
  const out: Record<string, unknown> = { ...rest }
  const forms = anyOf ?? oneOf
  if (forms?.every(form => 'const' in form)) out['enum'] = forms.map(form => form.const)
  else if (forms !== undefined) out['anyOf'] = forms.map(inputSchema)
  if (allOf !== undefined) out['allOf'] = allOf.map(inputSchema)
  if (items !== undefined) out['items'] = Array.isArray(items) ? items.map(inputSchema) : inputSchema(items as Schema)
  if (patternProperties !== undefined) out['patternProperties'] = mapped(patternProperties)
  if (properties !== undefined) out['properties'] = mapped(properties)
  if (typeof additionalProperties === 'object') out['additionalProperties'] = inputSchema(additionalProperties)
  else if (additionalProperties !== undefined) out['additionalProperties'] = additionalProperties
  else if (properties !== undefined && patternProperties === undefined) out['additionalProperties'] = false
  const needed = (required ?? []).filter(key => !isOptional(properties?.[key]))
  if (needed.length > 0) out['required'] = needed
  return out
}

function mapped(schemas: Readonly<Record<string, Schema>>): Record<string, Schema> {
  return Object.fromEntries(Object.entries(schemas).map(([key, schema]) => [key, inputSchema(schema)]))
}

/** A key may be left out when it has a default, or when it holds keys that may all be left out. */
function isOptional(schema: Schema | undefined): boolean {
  if (schema === undefined) return false
  if ('default' in schema) return true
  return schema.properties !== undefined && (inputSchema(schema).required ?? []).length === 0
}

function validatorOf(schema: Schema): ValidateFunction {
  const known = validators.get(schema)
  if (known !== undefined) return known
  const made = ajv.compile(inputSchema(schema) as object)
  validators.set(schema, made)
  return made
}

/** The tree as plain values, bent to what the schema expects: `redaction:` alone is `{}`, `${env:ID}` is text for text. */
function shaped(schema: Schema | undefined, tree: Tree): unknown {
  const at = schema === undefined ? undefined : formFor(schema, tree)
  if (tree.kind === 'list') {
    const items = at?.items
    return tree.items.map((item, i) =>
      shaped(at?.prefixItems?.[i] ?? (Array.isArray(items) ? items[i] : (items as Schema)), item)
    )
  }
  if (tree.kind === 'map') {
    return Object.fromEntries([...tree.entries].map(([key, entry]) => [key, shaped(keySchema(at, key), entry.value)]))
  }
  if (tree.value === null && at?.type === 'object') return {}
  if (tree.raw !== undefined && typeof tree.value !== 'string' && takesOnlyText(at)) return tree.raw
  if (tree.value === 0 && at?.format === 'duration') return '0'
  return tree.value
}

function takesOnlyText(schema: Schema | undefined): boolean {
  if (schema === undefined) return false
  return schema.type === 'string' || (schema.anyOf ?? schema.oneOf)?.every(form => form.type === 'string') === true
}

/** Of several forms, the one of the same kind as what was written. */
function formFor(schema: Schema, tree: Tree): Schema {
  const forms = schema.anyOf ?? schema.oneOf
  if (forms === undefined) return schema.allOf === undefined ? schema : merged(schema.allOf)
  const wanted = tree.kind === 'map' ? 'object' : tree.kind === 'list' ? 'array' : undefined
  if (wanted === undefined)
    return tree.kind === 'scalar' && tree.value === null ? (forms.find(f => f.type === 'object') ?? schema) : schema
  const fitting = forms.filter(form => form.type === wanted)
  return fitting.find(form => constantsFit(form, tree)) ?? fitting[0] ?? schema
}

function merged(schemas: readonly Schema[]): Schema {
  return { type: 'object', properties: Object.assign({}, ...schemas.map(s => s.properties)) }
}

/** Does the tree agree with the literal keys of this form (`type: redis`)? */
function constantsFit(form: Schema, tree: Tree): boolean {
  return Object.entries(form.properties ?? {}).every(([key, schema]) => {
    if (!('const' in schema)) return true
    const part = find(tree, [key])
    return part === undefined ? schema.default === schema.const : part.kind === 'scalar' && part.value === schema.const
  })
}

function keySchema(schema: Schema | undefined, key: string): Schema | undefined {
  const own = schema?.properties?.[key]
  if (own !== undefined) return own
  for (const [pattern, part] of Object.entries(schema?.patternProperties ?? {}))
    if (new RegExp(pattern).test(key)) return part
  return typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined
}

/** Turns one scalar into what the filled-in config holds: the parsed value, or the text that people see. */
type Leaf = (schema: Schema, value: unknown) => unknown

const parsed: Leaf = (schema, value) => {
  if (schema.format === 'duration') return parseDuration(String(value))
  if (schema.format === 'bytes') return parseBytes(String(value))
  return schema.writeOnly === true && typeof value === 'string' ? new Secret(value) : value
}

const displayed: Leaf = (schema, value) => (schema.writeOnly === true ? HIDDEN : value)

/** Defaults and values, after the check: nothing here can fail. */
function filled(schema: Schema, value: unknown, leaf: Leaf): unknown {
  if (value === undefined) {
    if ('default' in schema) return filled(schema, structuredClone(schema.default), leaf)
    return isOptional(schema) ? filled(schema, {}, leaf) : undefined
  }
  const forms = schema.anyOf ?? schema.oneOf
  if (forms !== undefined) return filled(forms.find(form => validatorOf(form)(value)) ?? {}, value, leaf)
  if (schema.allOf !== undefined) return filled(merged(schema.allOf), value, leaf)
  if (Array.isArray(value)) return value.map((item, i) => filled(itemSchema(schema, i), item, leaf))
  return value !== null && typeof value === 'object'
    ? filledObject(schema, value as Record<string, unknown>, leaf)
    : leaf(schema, value)
}

function filledObject(schema: Schema, value: Record<string, unknown>, leaf: Leaf): Record<string, unknown> {
  // No prototype: a key `__proto__` in a file is a key like any other.
  const out = Object.create(null) as Record<string, unknown>
  for (const [key, part] of Object.entries(schema.properties ?? {})) {
    const wanted = value[key] !== undefined || 'default' in part || schema.required?.includes(key) === true
    const made = wanted ? filled(part, value[key], leaf) : undefined
    if (made !== undefined) out[key] = made
  }
  for (const [key, part] of Object.entries(value)) {
    if (schema.properties?.[key] === undefined) out[key] = filled(keySchema(schema, key) ?? {}, part, leaf)
  }
  return Object.fromEntries(Object.entries(out))
}

/** The part with its defaults as people may see it: units as written, secrets and what `${...}` gave for them hidden. */
export function display(schema: TSchema | undefined, tree: Tree): unknown {
  const shown =
    schema === undefined ? plainOf(tree) : filled(schema as Schema, shaped(schema as Schema, tree), displayed)
  return masked(shown, tree, '')
}

function masked(value: unknown, tree: Tree | undefined, key: string): unknown {
  if (tree?.kind === 'scalar' && tree.shownAs !== undefined) return value === HIDDEN ? HIDDEN : tree.shownAs
  if (Array.isArray(value)) return value.map((item, i) => masked(item, tree && find(tree, [i]), ''))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([k, part]) => [k, masked(part, tree && find(tree, [k]), k)]))
  }
  if (typeof value !== 'string') return value
  return SECRETIVE_KEY.test(key) ? HIDDEN : value.replace(USER_INFO, '$1[REDACTED]@')
}

function itemSchema(schema: Schema, i: number): Schema {
  const { items, prefixItems } = schema
  return prefixItems?.[i] ?? (Array.isArray(items) ? items[i] : (items as Schema | undefined)) ?? {}
}

interface Scene {
  readonly root: Tree
  readonly at: Position
  readonly path: Path
  readonly problems: ConfigProblem[]
}

/** ajv's errors as problems; of a choice that fits nowhere only the nearest form speaks. */
function explain(errors: readonly ErrorObject[], scene: Scene): void {
  const choices = errors.filter(e => e.keyword === 'anyOf')
  for (const error of errors) {
    if (
      choices.some(
        c =>
          c !== error &&
          error.schemaPath.startsWith(`${c.schemaPath}/`) &&
          error.instancePath.startsWith(c.instancePath)
      )
    )
      continue
    if (error.keyword === 'anyOf') explainChoice(error, scene)
    else tell(error, scene)
  }
}

function explainChoice(error: ErrorObject, scene: Scene): void {
  const forms = error.schema as readonly Schema[]
  const here = pointerPath(error.instancePath)
  const part = find(scene.root, here)
  const kind = kindOf(error.data)
  const sameKind = forms.filter(
    form => typesOf(form).includes(kind) || (kind === 'integer' && typesOf(form).includes('number'))
  )
  const agreeing = part?.kind === 'map' ? sameKind.filter(form => constantsFit(form, part)) : sameKind
  const form = agreeing[0]
  if (form !== undefined && agreeing.length === 1) {
    const validate = validatorOf(form)
    if (!validate(error.data)) {
      explain(
        (validate.errors ?? []).map(e => ({ ...e, instancePath: error.instancePath + e.instancePath })),
        scene
      )
      return
    }
  }
  const constants = sameKind.flatMap(f =>
    Object.entries(f.properties ?? {}).flatMap(([k, s]) => ('const' in s ? [[k, s.const] as const] : []))
  )
  const key = constants[0]?.[0]
  if (key !== undefined && part?.kind === 'map') {
    const allowed = constants.filter(([k]) => k === key).map(([, v]) => String(v))
    const typed = find(part, [key])
    const text = typed?.kind === 'scalar' ? String(typed.value) : ''
    const says = typed === undefined ? `missing key \`${key}\`` : `"${text}" is not allowed`
    push(
      scene,
      typed === undefined ? 'CONFIG_MISSING_KEY' : 'CONFIG_WRONG_VALUE',
      [...here, key],
      says,
      didYouMean(text, allowed, 'Allowed')
    )
    return
  }
  const wanted = [...new Set(forms.map(formText))].join(' or ')
  push(scene, 'CONFIG_WRONG_TYPE', here, `must be ${wanted}, is ${KIND_TEXT[kind] ?? kind}`)
}

type Tell = (error: ErrorObject, schema: Schema, here: Path, scene: Scene) => void

function tell(error: ErrorObject, scene: Scene): void {
  const words = WORDS[error.keyword] ?? tellOther
  words(error, (error.parentSchema ?? {}) as Schema, pointerPath(error.instancePath), scene)
}

const tellMissing: Tell = (error, schema, here, scene) => {
  const key = String(error.params['missingProperty'])
  const fix = `Add \`${key}\`${about(schema.properties?.[key])}`
  push(scene, 'CONFIG_MISSING_KEY', [...here, key], `missing key \`${key}\``, fix)
}

const tellFormat: Tell = (error, schema, here, scene) => {
  const format = schema.format ?? ''
  const says = `${shown(error, scene, here)} is not ${FORMAT_TEXT[format] ?? `a valid ${format}`}`
  push(scene, 'CONFIG_WRONG_VALUE', here, says, FORMAT_FIX[format] ?? exampleOf(schema))
}

const tellEnum: Tell = (error, schema, here, scene) => {
  const allowed = (schema.enum ?? [schema.const]).map(String)
  const fix = allowedText(String(error.data), allowed)
  push(scene, 'CONFIG_WRONG_VALUE', here, `${shown(error, scene, here)} is not allowed`, fix)
}

const tellOther: Tell = (error, schema, here, scene) => {
  push(
    scene,
    'CONFIG_WRONG_VALUE',
    here,
    `${shown(error, scene, here)} ${error.message ?? 'is wrong'}`,
    exampleOf(schema)
  )
}

function allowedText(typed: string, allowed: readonly string[]): string {
  const near = didYouMean(typed, allowed, 'Allowed')
  return near.startsWith('Did') && allowed.length <= 12 ? `${near} Allowed: ${[...allowed].sort().join(', ')}.` : near
}

const tellUnknownKey: Tell = (error, schema, here, scene) => {
  const key = String(error.params['additionalProperty'])
  push(
    scene,
    'CONFIG_UNKNOWN_KEY',
    [...here, key],
    `unknown key \`${key}\``,
    didYouMean(key, Object.keys(schema.properties ?? {}), 'Known keys')
  )
}

const tellType: Tell = (error, schema, here, scene) => {
  const kind = kindOf(error.data)
  const isNumber = typeof error.data === 'number'
  if (schema.format === 'duration' && isNumber) {
    const fix = `Write \`${error.data}s\` or \`${error.data}ms\`.`
    push(scene, 'CONFIG_WRONG_TYPE', here, 'a duration needs a unit', fix)
    return
  }
  const wanted = schema.format === undefined ? formText(schema) : (FORMAT_TEXT[schema.format] ?? formText(schema))
  const quote = typesOf(schema).includes('string') && (isNumber || typeof error.data === 'boolean')
  const fix = quote
    ? 'Put the value in quotes.'
    : (FORMAT_FIX[schema.format ?? ''] ?? exampleOf(schema) ?? KIND_FIX[typesOf(schema)[0] ?? ''])
  push(scene, 'CONFIG_WRONG_TYPE', here, `must be ${wanted}, is ${KIND_TEXT[kind] ?? kind}`, fix)
}

const WORDS: Readonly<Record<string, Tell>> = {
  additionalProperties: tellUnknownKey,
  required: tellMissing,
  type: tellType,
  format: tellFormat,
  enum: tellEnum,
  const: tellEnum
}

/** The value in quotes, when it may be shown: no secret, nothing that came out of a reference. */
function shown(error: ErrorObject, scene: Scene, here: Path): string {
  const part = find(scene.root, here)
  const isHidden =
    (error.parentSchema as Schema | undefined)?.writeOnly === true ||
    (part?.kind === 'scalar' && part.shownAs !== undefined)
  if (isHidden || error.data === null || typeof error.data === 'object') return 'the value'
  return typeof error.data === 'string' ? `"${error.data.slice(0, 80)}"` : String(error.data)
}

function push(scene: Scene, code: ProblemCode, here: Path, says: string, fix?: string): void {
  const found = code === 'CONFIG_UNKNOWN_KEY' ? keyPlaceOf(scene.root, here) : placeOf(scene.root, here)
  const at = found === scene.root.at && scene.root.kind === 'map' ? scene.at : found
  const full = [...scene.path, ...here]
  scene.problems.push(problem('error', code, at, full, says, fix))
}

function about(schema: Schema | undefined): string {
  const example = schema?.examples?.[0]
  const text = schema?.description === undefined ? '' : `: ${schema.description}`
  return `${text}${text.endsWith('.') ? '' : '.'}${example === undefined ? '' : ` Example: \`${JSON.stringify(example)}\`.`}`
}

function exampleOf(schema: Schema): string | undefined {
  const example = schema.examples?.[0]
  return example === undefined ? undefined : `Example: \`${JSON.stringify(example)}\`.`
}

function pointerPath(pointer: string): Path {
  if (pointer === '') return []
  return pointer
    .slice(1)
    .split('/')
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map(part => (/^\d+$/.test(part) ? Number(part) : part))
}

function typesOf(schema: Schema): readonly string[] {
  if (schema.type !== undefined) return typeof schema.type === 'string' ? [schema.type] : schema.type
  const values = schema.enum ?? ('const' in schema ? [schema.const] : [])
  return [...new Set(values.map(kindOf))]
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (Number.isInteger(value)) return 'integer'
  return typeof value
}

const KIND_TEXT: Readonly<Record<string, string>> = {
  null: 'empty',
  array: 'a list',
  object: 'keys and values',
  string: 'text',
  integer: 'a number',
  number: 'a number',
  boolean: 'true or false'
}

const KIND_FIX: Readonly<Record<string, string>> = {
  array: 'Write a list: `[a, b]`.',
  object: 'Write keys and values: `{key: value}`.',
  boolean: 'Write `true` or `false`.',
  integer: 'Write a whole number without quotes.',
  number: 'Write a number without quotes.',
  string: 'Write one text.'
}

const WANTED_TEXT: Readonly<Record<string, string>> = { ...KIND_TEXT, integer: 'a whole number' }

const FORMAT_TEXT: Readonly<Record<string, string>> = {
  duration: 'a duration',
  bytes: 'a size',
  host_port: 'host:port'
}

const FORMAT_FIX: Readonly<Record<string, string>> = {
  duration: 'Write for example `5s`, `200ms` or `1h30m` (units ns, us, ms, s, m, h, d).',
  host_port: 'Write for example `localhost:8888` or `0.0.0.0:8888`.',
  bytes: 'Write for example `64MiB` (units B, KiB, MiB, GiB, TiB, KB, MB, GB, TB).'
}

function formText(schema: Schema): string {
  if (schema.format !== undefined && FORMAT_TEXT[schema.format] !== undefined) return FORMAT_TEXT[schema.format]!
  if (schema.enum !== undefined) return `one of ${schema.enum.map(String).join(', ')}`
  if ('const' in schema) return `\`${String(schema.const)}\``
  if (schema.anyOf !== undefined) return schema.anyOf.map(formText).join(' or ')
  return (
    typesOf(schema)
      .map(type => WANTED_TEXT[type] ?? type)
      .join(' or ') || 'something else'
  )
}
