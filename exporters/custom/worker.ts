// Runs inside the worker thread: loads the module, checks its config, calls it. Anything that goes wrong here is an
// answer or the end of this thread, nothing else.

import { parentPort, workerData } from 'node:worker_threads'
import { Ajv } from 'ajv'
import { decodeRequest } from '../../core/otlp/decode.js'
import type {
  CustomExporter,
  CustomInput,
  CustomLog,
  CustomOutcome,
  CustomRequest,
  RunningCustomExporter
} from './define.js'
import type { FromWorker, Level, StartFailure, ToWorker, WorkerSetup } from './messages.js'

const MAX_TEXT = 500

type AnyExporter = CustomExporter<Record<string, unknown>, CustomInput>
type AnyRunning = RunningCustomExporter<CustomInput>
type SendMessage = Extract<ToWorker, { type: 'send' }>

class Unusable extends Error {
  readonly code: StartFailure
  constructor(code: StartFailure, message: string) {
    super(message)
    this.code = code
  }
}

const port = parentPort!
const setup = workerData as WorkerSetup
const aborts = new Map<number, AbortController>()

function say(message: FromWorker): void {
  port.postMessage(message)
}

async function main(): Promise<void> {
  const definition = await load(setup.module)
  const config = checkConfig(definition, setup.config)
  const running = await start(definition, config)
  const input = definition.input ?? 'objects'
  port.on('message', (message: ToWorker) => {
    if (message.type === 'send') void answer(running, input, message)
    else if (message.type === 'abort') aborts.get(message.call)?.abort()
    else void stop(running)
  })
  say({ type: 'ready' })
}

async function load(url: string): Promise<AnyExporter> {
  let loaded: { default?: Partial<AnyExporter> }
  try {
    loaded = await import(url)
  } catch (error) {
    throw new Unusable('CUSTOM_LOAD', textOf(error))
  }
  const definition = loaded.default
  if (typeof definition?.create !== 'function') throw new Unusable('CUSTOM_SHAPE', 'its default export has no create()')
  const input = definition.input ?? 'objects'
  if (input !== 'objects' && input !== 'bytes')
    throw new Unusable('CUSTOM_SHAPE', '`input` is not "objects" or "bytes"')
  return definition as AnyExporter
}

function checkConfig(definition: AnyExporter, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const config = structuredClone(given) as Record<string, unknown>
  if (definition.schema === undefined) return config
  const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: false })
  const check = compile(ajv, definition.schema)
  if (check(config)) return config
  // Paths and rules, no values: a config may hold credentials.
  const problems = (check.errors ?? []).map(
    e => `config${e.instancePath.replaceAll('/', '.')} ${e.message ?? 'is invalid'}`
  )
  throw new Unusable('CUSTOM_CONFIG', problems.join('; '))
}

function compile(ajv: Ajv, schema: Readonly<Record<string, unknown>>) {
  try {
    return ajv.compile(schema)
  } catch (error) {
    throw new Unusable('CUSTOM_SHAPE', `its \`schema\` is no JSON Schema: ${textOf(error)}`)
  }
}

async function start(definition: AnyExporter, config: Record<string, unknown>): Promise<AnyRunning> {
  try {
    const running = definition.create({ id: setup.id, config, log: makeLog() })
    if (typeof running?.send !== 'function')
      throw new Unusable('CUSTOM_SHAPE', 'what its create() returns has no send()')
    await running.start?.()
    return running
  } catch (error) {
    throw error instanceof Unusable ? error : new Unusable('CUSTOM_START', textOf(error))
  }
}

async function answer(running: AnyRunning, input: CustomInput, message: SendMessage): Promise<void> {
  const { call, signal, items, bytes, isText } = message
  const controller = new AbortController()
  aborts.set(call, controller)
  const outcome = await outcomeOf(() => {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const request = isText ? buffer.toString() : input === 'bytes' ? bytes : decodeRequest(signal, buffer)
    return running.send(request as CustomRequest<CustomInput>, { signal, items, abort: controller.signal })
  })
  aborts.delete(call)
  const { external, arrayBuffers } = process.memoryUsage()
  say({ type: 'answer', call, outcome, offHeapBytes: Math.max(external, arrayBuffers) })
}

async function outcomeOf(send: () => unknown): Promise<CustomOutcome> {
  try {
    return checkedOutcome(await send())
  } catch (error) {
    return { kind: 'retry', message: textOf(error) }
  }
}

function checkedOutcome(given: unknown): CustomOutcome {
  if (given === undefined || given === null) return { kind: 'delivered' }
  const { kind, message, rejected, afterMs, tooLarge } = given as Record<string, unknown>
  const words = typeof message === 'string' ? { message: message.slice(0, MAX_TEXT) } : {}
  if (kind === 'delivered') return { kind, ...words, ...(isCount(rejected) ? { rejected } : {}) }
  if (kind === 'retry') return { kind, ...words, ...(isCount(afterMs) ? { afterMs } : {}) }
  if (kind === 'refused') return { kind, ...words, ...(tooLarge === true ? { tooLarge } : {}) }
  return { kind: 'retry', message: 'send() returned neither nothing nor { kind: "delivered" | "retry" | "refused" }' }
}

async function stop(running: AnyRunning): Promise<void> {
  try {
    await running.stop?.()
  } catch (error) {
    say({ type: 'log', level: 'warn', message: `stop(): ${textOf(error)}` })
  }
  say({ type: 'stopped' })
  port.close()
}

function makeLog(): CustomLog {
  const line = (level: Level) => (message: string) => {
    say({ type: 'log', level, message: String(message).slice(0, MAX_TEXT) })
  }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function textOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, MAX_TEXT)
}

main().catch((error: unknown) => {
  const code = error instanceof Unusable ? error.code : 'CUSTOM_START'
  say({ type: 'unusable', code, message: textOf(error) })
  port.close()
})
