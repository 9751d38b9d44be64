// A custom exporter: every span as one line of JSON to an HTTP address. See docs/custom-exporters.md.

/** @type {import('algoflow-gateway/custom-exporter').CustomExporter<{ url: string, service_key: string }>} */
const jsonLines = {
  input: 'objects',

  schema: {
    type: 'object',
    properties: {
      url: { type: 'string', pattern: '^https?://' },
      service_key: { type: 'string', default: 'service.name' }
    },
    required: ['url'],
    additionalProperties: false
  },

  create({ config, log }) {
    return {
      start() {
        log.info('json lines exporter is ready')
      },

      async send(request, { signal, items, abort }) {
        if (signal !== 'traces') return { kind: 'refused', message: 'only traces are for this exporter' }
        const body = request.resourceSpans.flatMap(resource => linesOf(resource, config.service_key)).join('\n')
        const response = await fetch(config.url, { method: 'POST', body, signal: abort })
        if (response.ok) return { kind: 'delivered' }
        if (response.status === 429 || response.status >= 500) {
          const seconds = Number(response.headers.get('retry-after') ?? 1)
          return { kind: 'retry', afterMs: seconds * 1000, message: `HTTP ${response.status}` }
        }
        return { kind: 'refused', message: `HTTP ${response.status} for ${items} spans` }
      }
    }
  }
}

export default jsonLines

/** One line a span. Times are nanoseconds in bigints, ids are bytes. */
function linesOf({ resource, scopeSpans }, serviceKey) {
  const service = resource?.attributes.find(({ key }) => key === serviceKey)?.value ?? ''
  return scopeSpans.flatMap(({ spans }) =>
    spans.map(span =>
      JSON.stringify({
        service,
        trace: span.traceId.toString('hex'),
        span: span.spanId.toString('hex'),
        name: span.name,
        ms: Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e6,
        error: span.status?.code === 2
      })
    )
  )
}
