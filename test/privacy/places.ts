// Every spot of an OTLP request that can hold text, and how to put something there.

import type { Signal } from '../../core/otlp/signal.js'
import type { Plain } from '../helpers/otlp-oracle.js'
import { ordinaryAttributes, ordinaryItem, ordinaryText } from './ordinary.js'
import type { Rng } from './rng.js'

/** An attribute, a text, or the value of a log body. */
export interface Content {
  readonly key: string
  readonly value: Plain
}

export interface Spot {
  /** Place of core/otlp/schema.ts, with the variant after a slash. */
  readonly name: string
  readonly signals: readonly Signal[]
  /** `attribute`: key and any value; `text`: a sentence fits; `short`: a word or two; `url`; `value`: AnyValue without key. */
  readonly takes: 'attribute' | 'text' | 'short' | 'url' | 'value'
  put(draft: Draft, content: Content, rng: Rng): void
}

const ALL: readonly Signal[] = ['traces', 'metrics', 'logs']
const TRACES: readonly Signal[] = ['traces']
const METRICS: readonly Signal[] = ['metrics']
const LOGS: readonly Signal[] = ['logs']

type Lists = { [name: string]: Plain[] }

/** A request under construction. Messages without entries of their own are filled with ordinary traffic. */
export class Draft {
  readonly request: Plain
  readonly resource: Plain
  readonly #groups: Plain[] = []
  readonly #words: { groups: string; items: string }

  constructor(
    readonly signal: Signal,
    readonly rng: Rng
  ) {
    this.#words =
      signal === 'traces'
        ? { groups: 'scopeSpans', items: 'spans' }
        : signal === 'metrics'
          ? { groups: 'scopeMetrics', items: 'metrics' }
          : { groups: 'scopeLogs', items: 'logRecords' }
    this.resource = { attributes: ordinaryAttributes(rng, 'resource', 4), entityRefs: [] }
    const top = { resource: this.resource, [this.#words.groups]: this.#groups }
    const list = signal === 'traces' ? 'resourceSpans' : signal === 'metrics' ? 'resourceMetrics' : 'resourceLogs'
    this.request = { [list]: [top] }
    this.group()
  }

  /** A new scope and its group. */
  group(): Plain {
    const scope = { name: ordinaryText(this.rng, 'scope'), version: `1.${this.rng.int(0, 30)}.0`, attributes: [] }
    const group = { scope, [this.#words.items]: [] }
    this.#groups.push(group)
    return group
  }

  /** A new span, metric or log record with ordinary content. */
  item(point = 'gauge'): Plain {
    const item = ordinaryItem(this.rng, this.signal, point)
    const group = this.rng.pick(this.#groups) as Lists
    group[this.#words.items]?.push(item)
    return item
  }

  /** A new data point of a new metric. */
  point(kind: string): Plain {
    const metric = this.item(kind)
    return ((metric[kind] as Plain)['dataPoints'] as Plain[])[0] as Plain
  }

  child(list: string): Plain {
    return ((this.item() as Lists)[list] as Plain[])[0] as Plain
  }
}

const textOf = (content: Content): string => content.value['stringValue'] as string
const attribute = (owner: Plain, content: Content, list = 'attributes'): void => {
  const attributes = owner[list] as Plain[]
  attributes.splice(Math.floor(attributes.length / 2), 0, content as unknown as Plain)
}

const spot = (name: string, signals: readonly Signal[], takes: Spot['takes'], put: Spot['put']): Spot => ({
  name,
  signals,
  takes,
  put
})
const onPoint = (kind: string): Spot =>
  spot(`point.attributes/${kind}`, METRICS, 'attribute', (draft, content) => attribute(draft.point(kind), content))
const onExemplar = (kind: string): Spot =>
  spot(`exemplar.attributes/${kind}`, METRICS, 'attribute', (draft, content) =>
    attribute((draft.point(kind)['exemplars'] as Plain[])[0] as Plain, content, 'filteredAttributes')
  )

export const SPOTS: readonly Spot[] = [
  spot('resource.attributes', ALL, 'attribute', (draft, content) => attribute(draft.resource, content)),
  spot('resource.entity', ALL, 'short', (draft, content, rng) => {
    const text = textOf(content)
    const lists = rng.pick([
      { type: text },
      { idKeys: ['service.name', text] },
      { descriptionKeys: [text] },
      { schemaUrl: text }
    ])
    ;(draft.resource['entityRefs'] as Plain[]).push({ type: 'service', ...lists })
  }),
  spot('schema_url', ALL, 'url', (draft, content) => {
    draft.group()['schemaUrl'] = textOf(content)
  }),
  spot('scope.name', ALL, 'text', (draft, content) => {
    ;(draft.group()['scope'] as Plain)['name'] = textOf(content)
  }),
  spot('scope.version', ALL, 'short', (draft, content) => {
    ;(draft.group()['scope'] as Plain)['version'] = textOf(content)
  }),
  spot('scope.attributes', ALL, 'attribute', (draft, content) => attribute(draft.group()['scope'] as Plain, content)),
  spot('span.name', TRACES, 'text', (draft, content) => {
    draft.item()['name'] = textOf(content)
  }),
  spot('span.trace_state', TRACES, 'short', (draft, content, rng) => {
    draft.item()['traceState'] = `flow=t${rng.hex(6)},vendor=${textOf(content)}`
  }),
  spot('span.attributes', TRACES, 'attribute', (draft, content) => attribute(draft.item(), content)),
  spot('span.status.message', TRACES, 'text', (draft, content) => {
    draft.item()['status'] = { code: 2, message: textOf(content) }
  }),
  spot('span.event.name', TRACES, 'text', (draft, content) => {
    draft.child('events')['name'] = textOf(content)
  }),
  spot('span.event.attributes', TRACES, 'attribute', (draft, content) => attribute(draft.child('events'), content)),
  spot('span.link.trace_state', TRACES, 'short', (draft, content) => {
    draft.child('links')['traceState'] = `flow=${textOf(content)}`
  }),
  spot('span.link.attributes', TRACES, 'attribute', (draft, content) => attribute(draft.child('links'), content)),
  spot('metric.name', METRICS, 'short', (draft, content) => {
    draft.item()['name'] = `requests ${textOf(content)}`
  }),
  spot('metric.description', METRICS, 'text', (draft, content) => {
    draft.item()['description'] = textOf(content)
  }),
  spot('metric.unit', METRICS, 'short', (draft, content) => {
    draft.item()['unit'] = textOf(content)
  }),
  spot('metric.metadata', METRICS, 'attribute', (draft, content) => attribute(draft.item(), content, 'metadata')),
  onPoint('gauge'),
  onPoint('sum'),
  onPoint('histogram'),
  onPoint('exponentialHistogram'),
  onPoint('summary'),
  onExemplar('sum'),
  onExemplar('histogram'),
  onExemplar('exponentialHistogram'),
  spot('log.severity_text', LOGS, 'short', (draft, content) => {
    draft.item()['severityText'] = textOf(content)
  }),
  spot('log.body/text', LOGS, 'text', (draft, content) => {
    draft.item()['body'] = content.value
  }),
  spot('log.body/value', LOGS, 'value', (draft, content) => {
    draft.item()['body'] = content.value
  }),
  spot('log.body/map', LOGS, 'attribute', (draft, content, rng) => {
    const values = [...ordinaryAttributes(rng, 'log', 2), content]
    draft.item()['body'] = { kvlistValue: { values } }
  }),
  spot('log.attributes', LOGS, 'attribute', (draft, content) => attribute(draft.item(), content)),
  spot('log.event_name', LOGS, 'short', (draft, content) => {
    draft.item()['eventName'] = textOf(content)
  }),
  spot('unknown_field', ALL, 'text', (draft, content) => {
    const owner = draft.item()
    owner['futureText'] = [textOf(content)]
  })
]
