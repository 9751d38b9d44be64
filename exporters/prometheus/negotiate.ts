// Which exposition format a scraper gets: the `Accept` header, by its q values.

export type Format = 'text' | 'openmetrics' | 'protobuf'

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  protobuf: 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
}

/** The format with the highest q that we can give; plain text when nothing fits, as Prometheus clients do. */
export function negotiate(accept: string | undefined, openMetrics: boolean): Format {
  let best: Format = 'text'
  let bestQ = 0
  for (const range of (accept ?? '').split(',')) {
    const { type, parameters, q } = parseRange(range)
    const format = formatOf(type, parameters, openMetrics)
    if (format === undefined || q <= bestQ) continue
    best = format
    bestQ = q
  }
  return best
}

function formatOf(type: string, parameters: ReadonlyMap<string, string>, openMetrics: boolean): Format | undefined {
  if (type === 'text/plain' || type === 'text/*' || type === '*/*') return 'text'
  if (type === 'application/openmetrics-text') {
    const version = parameters.get('version')
    return openMetrics && (version === undefined || version.startsWith('1.') || version === '0.0.1')
      ? 'openmetrics'
      : undefined
  }
  const isDelimited = parameters.get('encoding') === 'delimited'
  const isFamily = parameters.get('proto') === 'io.prometheus.client.MetricFamily'
  return type === 'application/vnd.google.protobuf' && isDelimited && isFamily ? 'protobuf' : undefined
}

function parseRange(range: string): { type: string; parameters: ReadonlyMap<string, string>; q: number } {
  const [type = '', ...rest] = range.split(';').map(part => part.trim())
  const parameters = new Map(rest.map(pair => splitPair(pair)))
  const q = Number(parameters.get('q') ?? 1)
  return { type: type.toLowerCase(), parameters, q: Number.isFinite(q) ? q : 0 }
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=')
  return at < 0 ? [pair.toLowerCase(), ''] : [pair.slice(0, at).trim().toLowerCase(), pair.slice(at + 1).trim()]
}
