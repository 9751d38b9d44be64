// Which workflow a trace belongs to and which step a span is, learned from what passes this gateway, for log records that do not
// say it themselves. Bounded: the least recently used are forgotten. Memory only: after a start it learns anew.

import { LRUCache } from 'lru-cache'
import type { TraceNames } from '../component/context.js'
import { contentFrom, skipField } from '../otlp/walk-fields.js'
import { ATTRIBUTE_PREFIX, STEP_NAME, WORKFLOW_ID } from './names.js'

/** Traces, and spans, remembered; about 200 bytes each. */
const MAX_TRACES = 50_000
const MAX_SPANS = 200_000

const KEYS = [WORKFLOW_ID, STEP_NAME].flatMap(key =>
  ['', ATTRIBUTE_PREFIX].map(prefix => ({ bytes: Buffer.from(prefix + key), isStep: key === STEP_NAME }))
)

export class LearnedNames implements TraceNames {
  readonly #workflows: LRUCache<string, string>
  readonly #steps: LRUCache<string, string>

  constructor({ maxTraces = MAX_TRACES, maxSpans = MAX_SPANS } = {}) {
    this.#workflows = new LRUCache({ max: maxTraces })
    this.#steps = new LRUCache({ max: maxSpans })
  }

  workflowId(trace: Buffer): string | undefined {
    return this.#workflows.get(trace.toString('latin1'))
  }

  stepName(trace: Buffer, span: Buffer): string | undefined {
    return this.#steps.get(trace.toString('latin1') + span.toString('latin1'))
  }

  noteWorkflow(trace: Buffer, id: string): void {
    this.#workflows.set(trace.toString('latin1'), id)
  }

  /** Learns from an encoded trace request that was checked. */
  learn(buf: Buffer): void {
    each(buf, 0, buf.length, 0x0a, (a, b) =>
      each(buf, a, b, 0x12, (c, d) => each(buf, c, d, 0x12, (from, to) => this.#span(buf, from, to)))
    )
  }

  #span(buf: Buffer, from: number, to: number): void {
    let trace = ''
    let span = ''
    let workflow: string | undefined
    let step: string | undefined
    for (let p = from; p < to; ) {
      const next = skipField(buf, p, to)
      if (next < 0) return
      const tag = buf[p]!
      if (tag === 0x0a) trace = buf.toString('latin1', contentFrom(buf, p), next)
      else if (tag === 0x12) span = buf.toString('latin1', contentFrom(buf, p), next)
      else if (tag === 0x4a) {
        const at = contentFrom(buf, p)
        for (const { bytes, isStep } of KEYS) {
          const text = textOf(buf, at, next, bytes)
          if (text === undefined) continue
          if (isStep) step = text
          else workflow = text
        }
      }
      p = next
    }
    if (workflow !== undefined && workflow !== '') this.#workflows.set(trace, workflow)
    if (step !== undefined && step !== '') this.#steps.set(trace + span, step)
  }
}

/** The text of an attribute in its usual form with this key; undefined for any other. */
function textOf(buf: Buffer, at: number, end: number, key: Buffer): string | undefined {
  const keyEnd = at + 2 + key.length
  if (buf[at] !== 0x0a || buf[at + 1] !== key.length || keyEnd >= end || buf[keyEnd] !== 0x12) return undefined
  if (buf.compare(key, 0, key.length, at + 2, keyEnd) !== 0) return undefined
  const value = contentFrom(buf, keyEnd)
  return buf[value] === 0x0a ? buf.toString('utf8', contentFrom(buf, value), end) : undefined
}

function each(buf: Buffer, from: number, to: number, tag: number, visit: (from: number, to: number) => void): void {
  for (let p = from; p < to; ) {
    const next = skipField(buf, p, to)
    if (next < 0) return
    if (buf[p] === tag) visit(contentFrom(buf, p), next)
    p = next
  }
}
