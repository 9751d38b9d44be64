// Numbered spans as OTLP/protobuf bytes, and their numbers read back: written by hand, so that nothing of core/otlp and no
// decoder stands between what was sent and what is counted.

/** A bounded number of spans, each with its number as span id. */
export interface SpansOptions {
  readonly resource?: Readonly<Record<string, string>>
  readonly attributes?: Readonly<Record<string, string>>
  readonly name?: string
}

/** An ExportTraceServiceRequest of spans `first` ... `first + count - 1`. */
export function spansRequest(first: number, count: number, options: SpansOptions = {}): Buffer {
  const head = spanHead(first)
  const tail = Buffer.concat([
    text(5, options.name ?? 'step'),
    Buffer.from([0x30, 1, 0x39, 0, 0, 0, 0, 0, 0, 0, 1, 0x41, 0, 0, 0, 0, 1, 0, 0, 1]),
    ...attributes(9, options.attributes ?? { 'workflow.name': 'nightly', 'step.name': 'load' })
  ])
  const body = Buffer.concat([head, tail])
  const one = bytes(2, body)
  const at = one.length - body.length + head.length - 8
  const spans = Buffer.alloc(one.length * count)
  for (let i = 0; i < count; i++) {
    one.copy(spans, i * one.length)
    spans.writeBigUInt64BE(BigInt(first + i + 1), i * one.length + at)
  }
  const resource = bytes(1, Buffer.concat(attributes(1, options.resource ?? { 'service.name': 'sender' })))
  return bytes(1, Buffer.concat([resource, bytes(2, spans)]))
}

/** The numbers of all spans of a request made of `spansRequest`s, in order. */
export function spanNumbers(request: Buffer): number[] {
  const found: number[] = []
  each(request, 0, request.length, 1, (a, b) =>
    each(request, a, b, 2, (c, d) =>
      each(request, c, d, 2, (e, f) =>
        each(request, e, f, 2, at => void found.push(Number(request.readBigUInt64BE(at)) - 1))
      )
    )
  )
  return found
}

/** Trace id (the same for one request) and an empty span id. */
function spanHead(first: number): Buffer {
  const trace = Buffer.alloc(16, 0xa1)
  trace.writeBigUInt64BE(BigInt(first + 1), 8)
  return Buffer.concat([bytes(1, trace), bytes(2, Buffer.alloc(8))])
}

function attributes(field: number, values: Readonly<Record<string, string>>): Buffer[] {
  return Object.entries(values).map(([key, value]) =>
    bytes(field, Buffer.concat([text(1, key), bytes(2, text(1, value))]))
  )
}

export function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value))
}

/** A length-delimited field. */
export function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(value.length), value])
}

export function varint(value: number): Buffer {
  const out: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128)
  return Buffer.from([...out, rest])
}

/** Calls `found` with begin and end of every length-delimited field of that number within a message. */
function each(buffer: Buffer, begin: number, end: number, field: number, found: (a: number, b: number) => void): void {
  let at = begin
  const read = () => {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = buffer[at++]!
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }
  while (at < end) {
    const tag = read()
    const wire = tag & 7
    if (wire === 0) read()
    else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else {
      const length = read()
      if (tag >>> 3 === field) found(at, at + length)
      at += length
    }
  }
}
