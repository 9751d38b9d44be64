// Numbered traces torn apart over many requests, one in a hundred with an error, and what of them came to a file.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { WireWriter } from '../../core/otlp/wire.js'
import { readOtelState, weightOf } from '../../core/sampling/threshold.js'

export const SPANS = 3
const PER_REQUEST = 1000
const BLOCK = 5000

const idOf = (trace: number) => createHash('md5').update(`trace ${trace}`).digest()
const hasError = (trace: number) => trace % 100 === 7

/** Spans 0 .. traces * SPANS in an order that tears every trace apart, but not by more than the waiting time. */
function* order(traces: number): Generator<[number, number]> {
  for (let from = 0; from < traces; from += BLOCK) {
    for (let span = SPANS - 1; span >= 0; span--) {
      for (let i = 0; i < BLOCK && from + i < traces; i++) yield [from + ((i * 1597) % BLOCK), span]
    }
  }
}

function writeSpan(writer: WireWriter, trace: number, span: number): void {
  writer.tag(2, 2)
  const at = writer.open()
  const id = idOf(trace)
  writer.tag(1, 2)
  writer.bytes(id)
  writer.tag(2, 2)
  writer.bytes(Buffer.from([...id.subarray(0, 7), span + 1]))
  if (span > 0) {
    writer.tag(4, 2)
    writer.bytes(Buffer.from([...id.subarray(0, 7), 1]))
  }
  writer.tag(5, 2)
  writer.string(`step ${span}`)
  if (hasError(trace) && span === trace % SPANS) {
    writer.tag(15, 2)
    writer.bytes(Buffer.from([0x18, 2]))
  }
  writer.close(at)
}

function request(spans: readonly [number, number][]): Buffer {
  const writer = new WireWriter(128 * 1024)
  writer.tag(1, 2)
  const resource = writer.open(3)
  writer.tag(2, 2)
  const scope = writer.open(3)
  for (const [trace, span] of spans) writeSpan(writer, trace, span)
  writer.close(scope, 3)
  writer.close(resource, 3)
  return writer.finish()
}

/** Sends all spans, a request at a time to each address in turn. */
export async function sendTorn(traces: number, urls: readonly string[]): Promise<void> {
  let spans: [number, number][] = []
  let turn = 0
  const flush = async () => {
    const body = new Uint8Array(request(spans))
    const headers = { 'content-type': 'application/x-protobuf' }
    const url = `${urls[turn++ % urls.length]}/v1/traces`
    for (let tries = 0; ; tries++) {
      const response = await fetch(url, { method: 'POST', headers, body })
      if (response.ok) break
      if (tries === 20 || ![429, 503].includes(response.status))
        throw new Error(`the gateway answered ${response.status}`)
      await new Promise(resolve => setTimeout(resolve, 1000))
    }
    spans = []
  }
  for (const span of order(traces)) if (spans.push(span) === PER_REQUEST) await flush()
  if (spans.length > 0) await flush()
}

interface Line {
  readonly resourceSpans: { scopeSpans: { spans: { traceId: string; traceState?: string }[] }[] }[]
}

async function read(files: readonly string[]): Promise<{ spans: Map<string, number>; estimate: number }> {
  const spans = new Map<string, number>()
  let estimate = 0
  for (const file of files)
    for await (const line of createInterface({ input: createReadStream(file) })) {
      if (line === '') continue
      for (const resource of (JSON.parse(line) as Line).resourceSpans) {
        for (const span of resource.scopeSpans.flatMap(scope => scope.spans)) {
          spans.set(span.traceId, (spans.get(span.traceId) ?? 0) + 1)
          estimate += weightOf(readOtelState(span.traceState ?? '').threshold!)
        }
      }
    }
  return { spans, estimate }
}

export interface TornResult {
  readonly errors: number
  /** Of these, not whole. */
  readonly lostErrors: number
  readonly others: number
  readonly torn: number
  /** Spans, by the weights of those that came. */
  readonly estimate: number
  /** How far the estimate is off, percent. */
  readonly off: number
}

/** What came of `traces` into OTLP/JSON files, a request a line. */
export async function judgeTorn(traces: number, files: readonly string[]): Promise<TornResult> {
  const { spans, estimate } = await read(files)
  let [lostErrors, torn, errors, others] = [0, 0, 0, 0]
  for (let trace = 0; trace < traces; trace++) {
    const n = spans.get(idOf(trace).toString('hex')) ?? 0
    if (hasError(trace)) {
      errors++
      if (n !== SPANS) lostErrors++
    } else if (n === SPANS) others++
    else if (n !== 0) torn++
  }
  return { errors, lostErrors, others, torn, estimate, off: (estimate / (traces * SPANS) - 1) * 100 }
}
