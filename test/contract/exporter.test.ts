// Runs the exporter contract over every listed exporter. A new exporter needs a subject here, or the last test fails.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { status } from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import type { ExporterDeclaration } from '../../core/component/exporter.js'
import { debugExporter } from '../../exporters/debug/index.js'
import { EXPORTERS } from '../../exporters/index.js'
import { grpcBackEnd, httpBackEnd, OK } from '../helpers/back-ends.js'
import { numbersIn } from '../helpers/delivery.js'
import { exporterOf } from '../helpers/exporter.js'
import { exporterContract, type Subject, type Verdict } from './exporter.contract.js'

const declared = (type: string) => EXPORTERS.find(exporter => exporter.type === type) as ExporterDeclaration

const HTTP = { ok: OK, retry: { status: 503 }, refuse: { status: 400 } } as const
const GRPC = {
  ok: Buffer.alloc(0),
  retry: { code: status.UNAVAILABLE },
  refuse: { code: status.INVALID_ARGUMENT }
} as const

const http = (type: string, config: object): Subject => ({
  type,
  canFail: true,
  async make(t, verdict) {
    const have: number[] = []
    const backEnd = await httpBackEnd(t, ({ body }) => HTTP[taken(have, numbersIn(body), verdict)])
    const exporter = await exporterOf(t, declared('otlp_http'), { endpoint: backEnd.url, ...config })
    return { exporter, received: async () => have }
  }
})

const grpc = (type: string, config: object): Subject => ({
  type,
  canFail: true,
  async make(t, verdict) {
    const have: number[] = []
    const backEnd = await grpcBackEnd(t, ({ body }) => GRPC[taken(have, numbersIn(body), verdict)])
    const exporter = await exporterOf(t, declared('otlp_grpc'), { endpoint: `http://${backEnd.address}`, ...config })
    return { exporter, received: async () => have }
  }
})

const file: Subject = {
  type: 'file',
  canFail: false,
  async make(t: Test) {
    const path = join(t.testdir(), 'out.json')
    const exporter = await exporterOf(t, declared('file'), { path })
    return { exporter, received: async () => numbersIn(await readFile(path)) }
  }
}

/** A module in its worker that posts the bytes it gets. */
const CUSTOM_MODULE = `export default {
  input: 'bytes',
  create: ({ config }) => ({
    async send (body, { abort }) {
      const { status } = await fetch(config.url, { method: 'POST', body, signal: abort })
      if (status === 503) throw new Error('busy')
      return status === 400 ? { kind: 'refused' } : { kind: 'delivered' }
    }
  })
}`

const custom: Subject = {
  type: 'custom',
  canFail: true,
  async make(t, verdict) {
    const have: number[] = []
    const backEnd = await httpBackEnd(t, ({ body }) => HTTP[taken(have, numbersIn(body), verdict)])
    const module = join(t.testdir({ 'mine.mjs': CUSTOM_MODULE }), 'mine.mjs')
    const exporter = await exporterOf(t, declared('custom'), { module, config: { url: `${backEnd.url}/v1/traces` } })
    return { exporter, received: async () => have }
  }
}

const debug: Subject = {
  type: 'debug',
  canFail: false,
  async make() {
    let printed = ''
    const out = new Writable({
      write(chunk, _, done) {
        printed += String(chunk)
        done()
      }
    })
    const config = { verbosity: 'normal', sampling_initial: 1_000_000, sampling_thereafter: 1 } as const
    return {
      exporter: debugExporter('debug', config, Date.now, out),
      received: async () => numbersIn(Buffer.from(printed))
    }
  }
}

const SUBJECTS: readonly Subject[] = [
  http('otlp_http', { compression: 'none' }),
  http('otlp_http gzip', {}),
  http('otlp_http zstd', { compression: 'zstd' }),
  http('otlp_http json', { encoding: 'json' }),
  grpc('otlp_grpc', { compression: 'none' }),
  grpc('otlp_grpc gzip', { channels: 2 }),
  custom,
  file,
  debug
]

for (const subject of SUBJECTS) exporterContract(t, subject)

t.test('every listed exporter has a subject in the contract suite', async t => {
  const elsewhere = new Set(['jaeger', 'prometheus', 'prometheus_remote_write', 'cloudwatch'])
  const covered = new Set(SUBJECTS.map(({ type }) => type.split(' ')[0]))
  t.same(
    EXPORTERS.map(({ type }) => type).filter(type => !covered.has(type) && !elsewhere.has(type)),
    []
  )
})

/** Remembers what the back end took. */
function taken(have: number[], numbers: number[], verdict: (numbers: readonly number[]) => Verdict): Verdict {
  const says = verdict(numbers)
  if (says === 'ok') have.push(...numbers)
  return says
}
