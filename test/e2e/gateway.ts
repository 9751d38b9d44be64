// A whole gateway process with exporters as a user configures them, and a client that sends to it.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Signal } from '../../core/otlp/signal.js'
import { freePort, type Run, type Started } from './harness.js'

export interface GatewayProcess {
  readonly process: Started
  /** Sends one encoded request; the HTTP status. */
  send(signal: Signal, bytes: Buffer): Promise<number>
}

export interface GatewayOptions {
  readonly env?: Readonly<Record<string, string>>
  /** YAML of the `processors` block, indented by two. */
  readonly processors?: string
}

/**
 * Starts `node . start` with an OTLP/HTTP receiver and these exporters behind one pipeline.
 * @param exporters YAML of the `exporters` block, indented by two
 */
export async function startGateway(
  run: Run,
  signal: Signal,
  exporters: string,
  { env = {}, processors = '' }: GatewayOptions = {}
): Promise<GatewayProcess> {
  const folder = await run.folder()
  const [port, admin] = [await freePort(), await freePort()]
  const idsIn = (block: string) => [...block.matchAll(/^ {2}([a-z_/]+):/gm)].map(([, id]) => id).join(', ')
  const file = join(folder, 'gateway.yaml')
  await writeFile(
    file,
    `receivers:
  otlp:
    protocols:
      http: { endpoint: '127.0.0.1:${port}' }
processors:
${processors === '' ? '  {}' : processors}
exporters:
${exporters}
queue: { type: embedded, path: '${join(folder, 'queue')}' }
service:
  telemetry: { admin: { endpoint: '127.0.0.1:${admin}' } }
  pipelines:
    ${signal}: { receivers: [otlp], processors: [${idsIn(processors)}], exporters: [${idsIn(exporters)}] }
`
  )
  const process = await run.start('node', ['.', 'start', '--config', file], {
    env,
    ready: async started => started.output.includes('"msg":"ready"')
  })
  return {
    process,
    async send(kind, bytes) {
      const response = await fetch(`http://127.0.0.1:${port}/v1/${kind}`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-protobuf' },
        body: bytes
      })
      await response.arrayBuffer()
      return response.status
    }
  }
}
