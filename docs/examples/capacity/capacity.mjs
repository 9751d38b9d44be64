// How much machine a load needs: the formula of docs/capacity.md. Figures of the page come from here, a test compares them.
//
//   node docs/examples/capacity/capacity.mjs --spans 50000 --chain redact --outage 1h
//   node docs/examples/capacity/capacity.mjs --spans 1000000 --chain full --queue redis --kept 0.1

import { parseArgs } from 'node:util'

/** CPU of a span in us, requests of 512 spans of 578 bytes, embedded queue with a sync, no compression. Measured: README.md, "How fast". */
export const CPU_US = { pass: 2, redact: 3.7, detectors: 3.8, tail: 2.8, full: 4.6 }
/** More for each of these. gRPC: README.md. gzip: node dist/bench/micro/payloads.js. metrics: docs/workflow-metrics.md. */
export const MORE_US = { grpc: 0, gzip: 1.3, metrics: 1.4 }
/** Redis-server, a span that crosses it once; more for gateways that share one (1.3 times). Measured: docs/cluster.md, "Figures". */
export const REDIS_US = 1.4
export const SHARED = 1.3
/** Share of a core that may be busy: room for bursts, restarts and what a dead gateway's share costs the others. */
export const BUSY = 0.6
/** Bytes of memory, measured: docs/sampling.md (450 MiB for 2 million traces of 10 spans); core/queue/README.md (an entry's index). */
export const UNDECIDED_SPAN = 24
export const ENTRY_INDEX = 31
export const PROCESS = 200e6
/** Payloads under deflate, a seventh. Measured: node dist/bench/micro/payloads.js. */
export const DEFLATE = 7

/**
 * spans: a second; bytes: of a span; batch: spans a request; outage: seconds a back end may be away; kept: part that sampling keeps;
 * wait: seconds until a trace is decided and forgotten; chain: see CPU_US; queue: embedded or redis; compression: of payloads in Redis.
 */
export function capacity(load) {
  const { spans, bytes = 578, batch = 512, outage = 3600, kept = 1, chain = 'redact', queue = 'embedded' } = load
  const { gzip = true, metrics = true, grpc = false, compression = false, wait = 90 } = load
  const windowed = chain === 'tail' || chain === 'full'
  const us =
    CPU_US[chain] +
    (gzip ? MORE_US.gzip * kept : 0) +
    (grpc ? MORE_US.grpc : 0) +
    (metrics ? MORE_US.metrics : 0) +
    (compression ? MORE_US.gzip : 0)
  const isRedis = queue === 'redis'
  const cores = (spans * us * (isRedis ? SHARED : 1)) / 1e6 / BUSY
  // What waits: everything until it is decided, then what is kept, for as long as a back end is away.
  const waiting = spans * bytes * ((windowed ? wait : 0) + outage * (windowed ? kept : 1))
  // With a window payloads go in, are fetched by the owner, and what is kept goes in and out again.
  const crossings = windowed ? 2 + kept : 1
  const stored = isRedis && compression ? waiting / DEFLATE : waiting
  const memory =
    PROCESS * Math.ceil(cores) +
    (windowed ? spans * wait * UNDECIDED_SPAN : 0) +
    (waiting / bytes / batch) * ENTRY_INDEX
  return {
    cores: up(cores),
    memoryGB: up(memory / 1e9),
    diskGB: isRedis ? 0 : up(stored / 1e9),
    diskMBs: isRedis ? 0 : up((spans * bytes * (windowed ? 1 + kept : 1)) / 1e6),
    redisNodes: isRedis ? up((spans * REDIS_US * crossings) / 1e6 / BUSY) : 0,
    redisGB: isRedis ? up((stored * 1.2) / 1e9) : 0
  }
}

const up = n => (n < 10 ? Math.ceil(n * 10) / 10 : Math.ceil(n))

const row = cells => `| ${cells.join(' | ')} |`
const number = n => n.toLocaleString('en-US')

/** The tables of docs/capacity.md, Markdown by name. */
export function tables() {
  const chains = [
    ['redact', 1],
    ['detectors', 1],
    ['full', 0.1]
  ]
  const rows = (loads, more, cells) =>
    loads.flatMap(spans =>
      chains.map(([chain, kept]) =>
        row([number(spans), chain, kept, ...cells(capacity({ spans, chain, kept, ...more }))])
      )
    )
  return {
    embedded: [
      '| spans/s | chain | kept | cores | memory, GB | disk, GB | write, MB/s |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...rows([1000, 10_000, 50_000], {}, c => [c.cores, c.memoryGB, c.diskGB, c.diskMBs])
    ].join('\n'),
    redis: [
      '| spans/s | chain | kept | cores of gateways | their memory, GB | Redis nodes | Redis memory, all nodes, GB |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...rows([50_000, 200_000, 1_000_000], { queue: 'redis', outage: 600, compression: true }, c => [
        c.cores,
        c.memoryGB,
        Math.ceil(c.redisNodes),
        c.redisGB
      ])
    ].join('\n')
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const text = { type: 'string' }
  const flag = { type: 'boolean' }
  const { values } = parseArgs({
    options: {
      spans: text,
      bytes: text,
      batch: text,
      outage: text,
      kept: text,
      chain: text,
      queue: text,
      compression: flag,
      grpc: flag
    }
  })
  const numbers = Object.fromEntries(
    ['spans', 'bytes', 'batch', 'kept'].flatMap(name =>
      values[name] === undefined ? [] : [[name, Number(values[name])]]
    )
  )
  const [, amount = '1', unit = 'h'] = /^(\d+)([smh])$/.exec(values.outage ?? '1h') ?? []
  const outage = Number(amount) * { s: 1, m: 60, h: 3600 }[unit]
  const { chain = 'redact', queue = 'embedded', compression = false, grpc = false } = values
  if (!(numbers.spans > 0) || !(chain in CPU_US)) {
    console.error(`--spans N a second is needed; --chain is one of ${Object.keys(CPU_US).join(', ')}`)
    process.exit(2)
  }
  console.table([capacity({ ...numbers, chain, queue, compression, grpc, outage })])
}
