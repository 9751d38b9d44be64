// The chart's values.schema.json and README.md, made from the comments in values.yaml and from the schemas that check
// configs: a value is described once. Comments: `# -- text` describes a key (README in the style of helm-docs),
// `# @schema {...}` adds JSON Schema to what its default says, `# @section Title` begins a part of the table.

import type { Pair, YAMLMap } from 'yaml'
import { isMap, isScalar, parse, parseDocument } from 'yaml'
import { editorSchema } from '../../core/config/reference.js'
import type { Registry } from '../../core/config/registry.js'

type Json = Record<string, unknown>

/** One documented value of the chart. */
export interface ChartValue {
  /** `redis.bundled.enabled` */
  readonly path: string
  readonly section: string
  readonly description: string
  readonly default: unknown
  readonly type: string
}

/** Parts of a schema with more characters than this are written down once. */
const SHARED_FROM = 120

/** The schema that helm checks values with; `config` is the gateway's own config. */
export function valuesSchema(valuesYaml: string, registry: Registry): string {
  const root = mapOf(valuesYaml)
  const schema = closedMap(root, '', configSchema(registry))
  const whole = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the AlgoFlow gateway chart',
    ...schema,
    properties: { ...(schema['properties'] as Json), global: { type: 'object' } }
  }
  return `${JSON.stringify(shared(whole), null, 1)}\n`
}

/** README.md: the template with a table of values for each section at the directive of helm-docs. */
export function chartReadme(template: string, valuesYaml: string): string {
  const all = chartValues(valuesYaml)
  const sections = [...new Set(all.map(value => value.section))]
  const tables = sections.map(section => {
    const rows = all
      .filter(value => value.section === section)
      .map(v => `| \`${v.path}\` | ${v.type} | \`${cell(JSON.stringify(v.default))}\` | ${cell(v.description)} |`)
    return `### ${section}\n\n| key | type | default | description |\n| --- | --- | --- | --- |\n${rows.join('\n')}`
  })
  const note = '<!-- Made by `npm run docs:generate` from README.md.gotmpl and values.yaml. Do not edit. -->\n\n'
  return note + template.replace('{{ template "chart.valuesSection" . }}', () => tables.join('\n\n'))
}

/** All described values, in the file's order. */
export function chartValues(valuesYaml: string): ChartValue[] {
  const found: ChartValue[] = []
  let section = ''
  const visit = (map: YAMLMap, prefix: string) => {
    for (const pair of map.items) {
      const { key, notes, path } = about(pair, map, prefix)
      section = notes.section ?? section
      const value = pair.value
      if (notes.description !== undefined) {
        const standard = plain(value)
        found.push({ path, section, description: notes.description, default: standard, type: typeOf(standard) })
      } else if (isMap(value)) visit(value as YAMLMap, path)
      else throw new Error(`values.yaml: ${path} has no description: add a line \`# -- ...\` above ${key}`)
    }
  }
  visit(mapOf(valuesYaml), '')
  return found
}

interface Notes {
  readonly description?: string
  readonly schema?: Json
  readonly section?: string
}

function about(pair: Pair, map: YAMLMap, prefix: string): { key: string; path: string; notes: Notes } {
  const key = String(isScalar(pair.key) ? pair.key.value : pair.key)
  // The comment above the first key of a map is kept with the map.
  const own = isScalar(pair.key) ? (pair.key.commentBefore ?? '') : ''
  const first = map.items[0] === pair ? (map.commentBefore ?? '') : ''
  const notes = notesIn(`${first}\n${own}`)
  return { key, path: prefix === '' ? key : `${prefix}.${key}`, notes }
}

function notesIn(comment: string): Notes {
  const lines = comment.split('\n').map(line => line.trim())
  const after = (mark: string) => lines.find(line => line.startsWith(mark))?.slice(mark.length)
  const [description, schema, section] = [after('-- '), after('@schema '), after('@section ')]
  return {
    ...(description === undefined ? {} : { description }),
    ...(schema === undefined ? {} : { schema: parse(schema) as Json }),
    ...(section === undefined ? {} : { section })
  }
}

function closedMap(map: YAMLMap, prefix: string, config: Json): Json {
  const properties: Json = {}
  for (const pair of map.items) {
    const { key, notes, path } = about(pair, map, prefix)
    const described = notes.description !== undefined
    if (path === 'config') properties[key] = { description: notes.description, ...config }
    else if (isMap(pair.value) && !described) properties[key] = closedMap(pair.value as YAMLMap, path, config)
    else {
      const type = typeOf(plain(pair.value))
      properties[key] = { description: notes.description, type: type === 'list' ? 'array' : type, ...notes.schema }
    }
  }
  return { type: 'object', properties, additionalProperties: false }
}

/** The config's schema without what only editors need. A removed default (`null`) is fine everywhere. */
function configSchema(registry: Registry): Json {
  const { $schema: _, title: __, ...schema } = slim(editorSchema(registry)) as Json & { properties: Json }
  return { ...schema, properties: { ...schema.properties, queue: queueSchema(schema.properties['queue'] as Json) } }
}

/** The keys of every kind of queue but those that the chart sets; which kind it is, is `mode`. */
function queueSchema({ anyOf }: Json): Json {
  const all = Object.assign({}, ...(anyOf as Json[]).map(form => formOf(form)['properties'])) as Json
  const { type: _type, path: _path, url: _url, ...properties } = all
  return { type: ['object', 'null'], properties, additionalProperties: false }
}

function formOf(form: Json): Json {
  return 'properties' in form ? form : ((form['anyOf'] as Json[])[0] as Json)
}

function slim(node: unknown, isNames = false): unknown {
  if (Array.isArray(node)) return node.map(part => slim(part))
  if (typeof node !== 'object' || node === null) return node
  const kept = Object.entries(node).filter(([key, part]) => isNames || !isForEditors(key, part))
  return Object.fromEntries(
    kept.map(([key, part]) => [key, slim(part, !isNames && (key === 'properties' || key === 'patternProperties'))])
  )
}

/** Helm's regular expressions are Go's, which cannot look ahead; the gateway checks those patterns itself. */
function isForEditors(key: string, part: unknown): boolean {
  return (
    ['description', 'default', 'examples', 'format'].includes(key) ||
    (key === 'pattern' && /\(\?[!=<]/.test(String(part)))
  )
}

/** Parts that stand in many places move to `definitions`: a twentieth of the size. */
function shared(schema: Json): Json {
  const seen = new Map<string, number>()
  const count = (node: unknown) => {
    if (typeof node !== 'object' || node === null) return
    for (const part of Object.values(node)) count(part)
    const text = JSON.stringify(node)
    if (isSchema(node) && text.length > SHARED_FROM) seen.set(text, (seen.get(text) ?? 0) + 1)
  }
  count(schema)
  const names = new Map<string, string>()
  const definitions: Json = {}
  const replace = (node: unknown): unknown => {
    if (typeof node !== 'object' || node === null) return node
    const text = JSON.stringify(node)
    const isShared = (seen.get(text) ?? 0) > 1
    const known = names.get(text)
    if (isShared && known !== undefined) return { $ref: known }
    const inner = Array.isArray(node)
      ? node.map(replace)
      : Object.fromEntries(Object.entries(node).map(([key, part]) => [key, replace(part)]))
    if (!isShared) return inner
    const name = `part${names.size + 1}`
    definitions[name] = inner
    names.set(text, `#/definitions/${name}`)
    return { $ref: `#/definitions/${name}` }
  }
  return { ...(replace(schema) as Json), definitions }
}

/** Not the names of `properties`, one of which may be called `type`. */
function isSchema(node: object): boolean {
  const type = (node as Json)['type']
  return typeof type === 'string' || Array.isArray(type)
}

function mapOf(valuesYaml: string): YAMLMap {
  const { contents, errors } = parseDocument(valuesYaml)
  if (errors.length > 0 || !isMap(contents)) throw new Error(`values.yaml: ${errors[0]?.message ?? 'not a map'}`)
  return contents as YAMLMap
}

function plain(node: unknown): unknown {
  return isScalar(node) ? node.value : (node as { toJSON?(): unknown } | null)?.toJSON?.()
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
