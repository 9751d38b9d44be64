// `--start`: a gateway of the demo's own, in a temporary folder, on the usual ports where they are free.

import { spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Shell } from './demo.js'

const PROGRAM = fileURLToPath(new URL('../../services/ctl/main.js', import.meta.url))
const READY_MS = 20_000
const STOP_MS = 15_000

export interface LocalGateway {
  readonly addresses: { readonly endpoints: readonly string[]; readonly protocol: 'http'; readonly admin: string }
  /** Where to look at what it wrote. */
  readonly leftBehind: string
  stop(): Promise<void>
}

interface Ports {
  readonly grpc: number
  readonly http: number
  readonly admin: number
  readonly prometheus: number
}

/** Starts it and waits until it takes data; undefined after saying why it does not. */
export async function startLocalGateway(shell: Shell): Promise<LocalGateway | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'algoflow-demo-'))
  const ports = {
    grpc: await port(4317),
    http: await port(4318),
    admin: await port(8888),
    prometheus: await port(8889)
  }
  const config = join(folder, 'gateway.yaml')
  await writeFile(config, demoConfig(folder, ports))
  // A group of its own: Ctrl+C ends the fleet first, and then the gateway.
  const child = spawn(process.execPath, [PROGRAM, 'start', '--config', config], {
    // What has no path in the config goes there, too.
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true
  })
  process.once('exit', () => child.kill('SIGKILL'))
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const said: string[] = []
  const ready = new Promise<boolean>(resolve => {
    createInterface({ input: child.stdout }).on('line', line => {
      said.push(line)
      if (line.includes('"msg":"ready"')) resolve(true)
    })
    void ended.then(() => resolve(false))
    shell.stop.addEventListener('abort', () => resolve(false), { once: true })
    setTimeout(() => resolve(false), READY_MS).unref()
  })
  const stop = async () => {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await ended
    clearTimeout(timer)
  }
  if (!(await ready)) {
    await stop()
    shell.err(`The gateway did not start:\n${said.join('\n')}\n`)
    return undefined
  }
  return {
    addresses: {
      endpoints: [`http://127.0.0.1:${ports.http}`],
      protocol: 'http',
      admin: `http://127.0.0.1:${ports.admin}`
    },
    leftBehind: `The gateway ran with ${config}.\nWhat it kept: ${join(folder, 'telemetry')}; its metrics were at http://127.0.0.1:${ports.prometheus}/metrics.`,
    stop
  }
}

/** Everything on: hashing, redaction, workflow metrics, tail sampling at a tenth, a local store, metrics for Prometheus. */
function demoConfig(folder: string, ports: Ports): string {
  return `receivers:
  otlp:
    protocols:
      grpc: {endpoint: "127.0.0.1:${ports.grpc}"}
      http: {endpoint: "127.0.0.1:${ports.http}"}
processors:
  hashing: {hash_fields: [user_id, session_id]}
  redaction: {}
  workflow_metrics: {}
  tail_sampling:
    decision_wait: 5s
    policies:
      - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
      - {name: a tenth, type: probabilistic, probabilistic: {sampling_percentage: 10}}
exporters:
  file: {path: "${join(folder, 'telemetry', 'telemetry.jsonl')}"}
  prometheus: {endpoint: "127.0.0.1:${ports.prometheus}"}
queue: {type: embedded, path: "${join(folder, 'queue')}"}
service:
  telemetry:
    admin: {endpoint: "127.0.0.1:${ports.admin}"}
    logs: {encoding: json}
  pipelines:
    traces: {receivers: [otlp], processors: [hashing, redaction, workflow_metrics, tail_sampling], exporters: [file]}
    logs: {receivers: [otlp], processors: [hashing, redaction], exporters: [file]}
    metrics: {receivers: [otlp, workflow_metrics], processors: [hashing, redaction], exporters: [file, prometheus]}
`
}

/** The usual port, or any when somebody has it. */
async function port(usual: number): Promise<number> {
  return (await tryPort(usual)) ?? (await tryPort(0)) ?? usual
}

function tryPort(wanted: number): Promise<number | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(wanted, '127.0.0.1', () => {
      const { port: got } = server.address() as { port: number }
      server.close(() => resolve(got))
    })
  })
}
