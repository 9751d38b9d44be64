// The reference pages, the JSON Schema for editors and the example file, all made from the schemas that check configs: an
// option is written down once. No dates, no order but the registry's, so that the files change only when options do.

import { parse, stringify } from 'yaml'
import type { Schema } from './check.js'
import { inputSchema } from './check.js'
import type { ComponentKind, Declared, Registry } from './registry.js'
import { exporterSchema, QUEUE_SCHEMAS, serviceSchema } from './service.js'

/** The generated files by name. */
export function referenceFiles(registry: Registry): ReadonlyMap<string, string> {
  return new Map([
    ['receivers.md', componentsPage('receivers', registry)],
    ['processors.md', componentsPage('processors', registry)],
    ['exporters.md', componentsPage('exporters', registry)],
    ['service.md', servicePage(registry)],
    ['config.schema.json', `${JSON.stringify(editorSchema(registry), null, 2)}\n`],
    ['example.yaml', exampleFile(registry)]
  ])
}

const GENERATED = '<!-- Made by `npm run docs:generate` from the schemas in the code. Do not edit. -->'

const INTRO: Readonly<Record<ComponentKind, string>> = {
  receivers: 'Where data comes in. Written under `receivers` by id: the type, or `type/name` for a second one.',
  processors:
    'What is done to data. Written under `processors` by id: the type, or `type/name` for a second one. A pipeline lists them in the order they work. Those of stage `inline` share one walk over the bytes before anything is stored; those of stage `windowed` work on what is stored.',
  exporters:
    'Where data goes. Written under `exporters` by id: the type, or `type/name` for a second one. Every exporter also has the [common keys](#keys-of-every-exporter).'
}

function componentsPage(kind: ComponentKind, registry: Registry): string {
  const title = kind[0]!.toUpperCase() + kind.slice(1)
  const all = registry[kind]
  const parts = [`# ${title}`, GENERATED, INTRO[kind], overview(all), ...all.map(d => componentPart(kind, d))]
  if (kind === 'exporters') parts.push('## Keys of every exporter', optionTable(exporterSchema as Schema))
  return `${parts.join('\n\n')}\n`
}

function overview(all: readonly Declared[]): string {
  const rows = all.map(d => [`[\`${d.type}\`](#${d.type})`, d.stability, d.signals.join(', '), cell(d.about)])
  return markdownTable(['type', 'stability', 'signals', 'what it does'], rows)
}

function componentPart(kind: ComponentKind, d: Declared): string {
  const facts = [`Stability: ${d.stability}.`, `Signals: ${d.signals.join(', ')}.`]
  if (d.stage !== undefined) facts.push(`Stage: ${d.stage}.`)
  if (d.aliases !== undefined && d.aliases.length > 0)
    facts.push(`Other names: ${d.aliases.map(a => `\`${a}\``).join(', ')}.`)
  const example = stringify(
    { [kind]: { [d.type]: exampleOf(d.schema as Schema, 'short') } },
    { lineWidth: 0 }
  ).trimEnd()
  const parts = [
    `## ${d.type}`,
    d.about,
    facts.join(' '),
    optionTable(d.schema as Schema),
    `\`\`\`yaml fragment\n${example}\n\`\`\``
  ]
  const counters = Object.entries(d.counters ?? {})
  if (counters.length > 0) {
    const rows = counters.map(([name, c]) => [
      `\`algoflow_gateway_${kind.slice(0, -1)}_${name}_total\``,
      `\`${c.unit}\``,
      ['component', c.label].filter(l => l !== undefined).join(', '),
      cell(c.about)
    ])
    parts.push(markdownTable(['metric', 'unit', 'labels', 'meaning'], rows))
  }
  return parts.join('\n\n')
}

function servicePage(registry: Registry): string {
  const parts = ['# Service, queue and short block', GENERATED]
  parts.push('## service', optionTable(serviceSchema as Schema, 'service'))
  parts.push(
    '## queue',
    'Where data waits between the answer to the sender and its delivery. Without it: `type: embedded`.'
  )
  for (const [type, schema] of Object.entries(QUEUE_SCHEMAS)) {
    if (!registry.queues.includes(type)) continue
    parts.push(
      `### queue of type ${type}`,
      (schema as Schema).description ?? '',
      optionTable(schema as Schema, 'queue')
    )
  }
  if (registry.block !== undefined) {
    const { key, schema } = registry.block
    parts.push(`## ${key}`, `A short form: \`explain\` shows what it stands for.`, optionTable(schema as Schema, key))
  }
  return `${parts.join('\n\n')}\n`
}

interface Row {
  readonly key: string
  readonly type: string
  readonly needed: string
  readonly about: string
}

function optionTable(schema: Schema, prefix = ''): string {
  const rows = optionRows(schema, prefix)
  if (rows.length === 0) return 'No options.'
  return markdownTable(
    ['key', 'type', 'default', 'description'],
    rows.map(r => [`\`${r.key}\``, r.type, r.needed, r.about])
  )
}

/** One row a key; keys of nested parts as `a.b`, of list items as `a[].b`, of named parts as `a.<name>.b`. */
function optionRows(schema: Schema, prefix: string): Row[] {
  const needed = new Set(inputSchema(schema).required ?? [])
  return Object.entries(schema.properties ?? {}).flatMap(([key, part]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`
    const own: Row = {
      key: path,
      type: typeText(part),
      needed: defaultText(part, needed.has(key)),
      about: aboutText(part)
    }
    return [own, ...innerRows(part, path)]
  })
}

function innerRows(schema: Schema, path: string): Row[] {
  if (schema.properties !== undefined) return optionRows(schema, path)
  const items = schema.items as Schema | undefined
  if (items !== undefined && !Array.isArray(items)) return innerRows(items, `${path}[]`)
  const forms = (schema.anyOf ?? schema.oneOf ?? []).filter(form => form.properties !== undefined)
  if (forms.length > 0) return forms.flatMap(form => optionRows(form, `${path}${formName(form)}`))
  const named = Object.values(schema.patternProperties ?? {})[0]
  return named?.properties === undefined ? [] : optionRows(named, `${path}.<name>`)
}

/** `(type: share)`: which of several forms a key belongs to. */
function formName(form: Schema): string {
  const constant = Object.entries(form.properties ?? {}).find(([, part]) => 'const' in part)
  return constant === undefined ? '' : `(${constant[0]}: ${String(constant[1].const)})`
}

function typeText(schema: Schema): string {
  if (schema.format === 'duration') return 'duration'
  if (schema.format === 'bytes') return 'size'
  if (schema.writeOnly === true) return 'secret'
  if (schema.enum !== undefined) return schema.enum.map(v => `\`${String(v)}\``).join(', ')
  if ('const' in schema) return `\`${String(schema.const)}\``
  const forms = schema.anyOf ?? schema.oneOf
  if (forms !== undefined) return [...new Set(forms.map(typeText))].join(' or ')
  const items = schema.items as Schema | undefined
  if (schema.type === 'array') return `list of ${items === undefined ? 'anything' : typeText(items)}`
  const named = Object.values(schema.patternProperties ?? {})[0]
  if (named !== undefined) return `${named.properties === undefined ? typeText(named) : 'keys and values'} by name`
  return [schema.type ?? 'anything']
    .flat()
    .map(type => TYPES[type] ?? type)
    .join(' or ')
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  object: 'keys and values',
  array: 'list',
  null: 'nothing'
}

function defaultText(schema: Schema, isNeeded: boolean): string {
  if (isNeeded) return '**required**'
  if (!('default' in schema)) return ''
  return `\`${JSON.stringify(schema.default).replace(/^"(.*)"$/, '$1')}\``
}

function aboutText(schema: Schema): string {
  const limits = [
    schema['minimum' as keyof Schema] === undefined || schema.format !== undefined
      ? ''
      : `at least ${String(schema['minimum' as keyof Schema])}`,
    schema['maximum' as keyof Schema] === undefined ? '' : `at most ${String(schema['maximum' as keyof Schema])}`
  ].filter(limit => limit !== '')
  const examples = (schema.examples ?? []).map(e => `\`${typeof e === 'string' ? e : JSON.stringify(e)}\``)
  const parts = [
    schema.description ?? '',
    limits.length > 0 ? `(${limits.join(', ')})` : '',
    examples.length > 0 ? `For example ${examples.join(', ')}.` : ''
  ]
  return cell(parts.filter(part => part !== '').join(' '))
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(c => c.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('\n', ' ')
}

/** Values that a person could write: `short` takes required keys and those with an example, `full` also defaults. */
function exampleOf(schema: Schema, size: 'short' | 'full'): unknown {
  const forms = schema.anyOf ?? schema.oneOf
  if (schema.properties === undefined) {
    if (schema.examples !== undefined && schema.examples.length > 0) return schema.examples[0]
    if ('default' in schema) return schema.default
    if ('const' in schema) return schema.const
    if (schema.enum !== undefined) return schema.enum[0]
    if (forms !== undefined) return exampleOf(forms[0]!, size)
    return EMPTY[schema.format ?? String(schema.type)] ?? {}
  }
  const needed = new Set(inputSchema(schema).required ?? [])
  const entries = Object.entries(schema.properties).filter(([key, part]) => {
    if (needed.has(key)) return true
    if (part.properties !== undefined) return size === 'full' && schema.required?.includes(key) === true
    return size === 'full' && 'default' in part && part.writeOnly !== true
  })
  return Object.fromEntries(entries.map(([key, part]) => [key, valueFor(part, needed.has(key), size)]))
}

function valueFor(part: Schema, isNeeded: boolean, size: 'short' | 'full'): unknown {
  return !isNeeded && 'default' in part && part.properties === undefined ? part.default : exampleOf(part, size)
}

const EMPTY: Readonly<Record<string, unknown>> = {
  duration: '5s',
  bytes: '64MiB',
  string: 'text',
  array: [],
  integer: 1,
  number: 1,
  boolean: true
}

/** The config that runs without a file, in full: every key with what it does, to be changed from there. */
function exampleFile(registry: Registry): string {
  const defaults = parse(registry.defaults) as Record<string, Record<string, Record<string, unknown> | null>>
  const lines = [
    '# What runs without a config file, with every key of these components. Keys in comments are not set; other components',
    '# are in the reference pages. Made by `npm run docs:generate`; do not edit. For editors:',
    '# yaml-language-server: $schema=./config.schema.json',
    ''
  ]
  for (const kind of ['receivers', 'processors', 'exporters'] as const) {
    lines.push(`${kind}:`)
    for (const [id, given] of Object.entries(defaults[kind] ?? {})) {
      const declared = registry[kind].find(d => d.type === id)
      if (declared === undefined) continue
      const schema = declared.schema as Schema
      lines.push(`  # ${declared.about}`, `  ${id}:`, ...written(schema, given ?? {}, '    '))
      if (kind === 'exporters') lines.push(...written(exporterSchema as Schema, given ?? {}, '    '))
    }
    lines.push('')
  }
  lines.push(
    'queue:',
    ...written(QUEUE_SCHEMAS.embedded as Schema, (defaults['queue'] ?? {}) as Record<string, unknown>, '  '),
    ''
  )
  lines.push('service:', ...written(serviceSchema as Schema, { pipelines: undefined }, '  '))
  return `${lines.join('\n')}\n`
}

/** The keys of a schema as YAML lines, each with its description; what is neither given nor has a default is a comment. */
function written(schema: Schema, given: Readonly<Record<string, unknown>>, indent: string): string[] {
  const lines: string[] = []
  for (const [key, part] of Object.entries(schema.properties ?? {})) {
    if (part.description !== undefined) lines.push(...wrapped(part.description, indent))
    const value = given[key]
    const isSet = value !== undefined || (part.properties !== undefined && inputSchema(part).required === undefined)
    const isObject =
      part.properties !== undefined && isSet && (value !== undefined || schema.required?.includes(key) === true)
    if (isObject)
      lines.push(`${indent}${key}:`, ...written(part, (value ?? {}) as Record<string, unknown>, `${indent}  `))
    else if (value === undefined && (!('default' in part) || isEmpty(part.default)))
      lines.push(`${indent}# ${key}: ${flow(exampleOf(part, 'short'))}`)
    else lines.push(`${indent}${key}: ${flow(value ?? part.default)}`)
  }
  return lines
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim()
}

function wrapped(text: string, indent: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent.length + line.length + word.length > 116) {
      lines.push(line)
      line = ''
    }
    line += line === '' ? word : ` ${word}`
  }
  return [...lines, line].map(l => `${indent}# ${l}`)
}

/** JSON Schema of the whole file. A reference `${...}` may stand for any value; a component may be empty. */
export function editorSchema(registry: Registry): object {
  const section = (kind: ComponentKind) => ({
    type: ['object', 'null'],
    description: INTRO[kind],
    patternProperties: Object.fromEntries(
      registry[kind].map(d => [`^(${[d.type, ...(d.aliases ?? [])].join('|')})(/.+)?$`, componentSchema(kind, d)])
    ),
    additionalProperties: false
  })
  const queue = Object.entries(QUEUE_SCHEMAS).filter(([type]) => registry.queues.includes(type))
  const properties: Record<string, unknown> = {
    receivers: section('receivers'),
    processors: section('processors'),
    exporters: section('exporters'),
    queue: { anyOf: queue.map(([, schema]) => forEditors(inputSchema(schema as Schema))) },
    service: forEditors(inputSchema(serviceSchema as Schema))
  }
  if (registry.block !== undefined)
    properties[registry.block.key] = forEditors(inputSchema(registry.block.schema as Schema))
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'AlgoFlow gateway config',
    type: 'object',
    properties,
    additionalProperties: false
  }
}

function componentSchema(kind: ComponentKind, d: Declared): object {
  const own = inputSchema(d.schema as Schema)
  const whole =
    kind === 'exporters'
      ? { ...own, properties: { ...inputSchema(exporterSchema as Schema).properties, ...own.properties } }
      : own
  return { ...(forEditors(whole) as object), description: d.about }
}

const DURATION_PATTERN = '^(0|([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+)$'
const SIZE_PATTERN = '^[0-9]+(\\.[0-9]+)?\\s*([KkMmGgTt][Ii]?)?[Bb]?$'
const REFERENCE = { type: 'string', pattern: '\\$\\{' }

function forEditors(schema: Schema | boolean): unknown {
  if (typeof schema === 'boolean') return schema
  const {
    format,
    writeOnly: _writeOnly,
    properties,
    patternProperties,
    items,
    anyOf,
    additionalProperties,
    ...rest
  } = schema
  const out: Record<string, unknown> = { ...rest }
  const each = (parts: Readonly<Record<string, Schema>>) =>
    Object.fromEntries(Object.entries(parts).map(([k, part]) => [k, forEditors(part)]))
  if (format === 'duration') out['pattern'] = DURATION_PATTERN
  else if (format === 'bytes') out['pattern'] = SIZE_PATTERN
  else if (format !== undefined) out['format'] = format
  if (properties !== undefined) out['properties'] = each(properties)
  if (patternProperties !== undefined) out['patternProperties'] = each(patternProperties)
  if (items !== undefined) out['items'] = Array.isArray(items) ? items.map(forEditors) : forEditors(items as Schema)
  if (anyOf !== undefined) out['anyOf'] = anyOf.map(forEditors)
  if (additionalProperties !== undefined) out['additionalProperties'] = forEditors(additionalProperties)
  if (schema.type === 'object') out['type'] = ['object', 'null']
  const { description, default: standard, ...check } = out
  const isText = schema.type === 'string' && format === undefined && schema.enum === undefined
  if (isText || schema.type === 'object' || (schema.type === undefined && schema.enum === undefined)) return out
  return {
    ...(description === undefined ? {} : { description }),
    ...(standard === undefined ? {} : { default: standard }),
    anyOf: [check, REFERENCE]
  }
}
