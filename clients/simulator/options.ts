// The simulator's command line.

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { Chances } from './execution.js'
import { CATALOGUE_SIZE } from './workflows.js'

export interface Options {
  /** One, or those of all replicas. */
  readonly endpoints: readonly string[]
  readonly protocol: 'http' | 'grpc'
  readonly headers: Readonly<Record<string, string>>
  /** Undefined: nothing is read from the gateway. */
  readonly admin: string | undefined
  readonly rate: number
  readonly workflows: number
  readonly workers: number
  readonly chances: Chances
  /** Part of the requests that is sent twice. */
  readonly duplicate: number
  readonly seed: number
  /** Simulated seconds in which runs are started; undefined: until it is stopped. */
  readonly seconds: number | undefined
  readonly executions: number | undefined
  /** Simulated seconds a second; Infinity: as fast as the gateway takes it. */
  readonly speed: number
  /** Start of simulated time, milliseconds since the epoch; undefined: so that it ends now. */
  readonly fromMs: number | undefined
  readonly prefix: string
  readonly truth: string | undefined
  readonly isStarting: boolean
}

export interface Parsed {
  readonly options?: Options
  /** Exit code when there is nothing to run. */
  readonly code: number
}

interface Raw {
  readonly endpoint: readonly string[]
  readonly protocol?: string
  readonly header: readonly string[]
  readonly admin: string | false
  readonly rate: number
  readonly workflows: number
  readonly workers: number
  readonly fail: number
  readonly flaky: number
  readonly slow: number
  readonly cache: number
  readonly personal: number
  readonly duplicate: number
  readonly seed?: number
  readonly seconds?: number
  readonly executions?: number
  readonly speed: number
  readonly from?: number
  readonly prefix: string
  readonly truth?: string
  readonly start?: boolean
}

const MAX_SEED = 2 ** 31

/** Reads a command line (without node and script). */
export function parseOptions(
  args: readonly string[],
  out: (text: string) => void,
  err: (text: string) => void
): Parsed {
  const program = new Command('npm run demo --')
    .description('A fleet of AlgoFlow workers that sends traces, logs and metrics to a gateway.')
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err })
  const share = (text: string) => shareOf(text)
  program
    .addOption(
      new Option('--endpoint <url>', 'where OTLP is taken; may be repeated for replicas')
        .argParser((url: string, before: readonly string[]) => [...before, url])
        .default([], 'http://localhost:4318, gRPC: localhost:4317')
    )
    .option('--protocol <http|grpc>', 'http with protobuf, or grpc (default: grpc for port 4317, else http)')
    .addOption(
      new Option('--header <name=value>', 'sent with every request, e.g. an API key; may be repeated')
        .argParser(gather)
        .default([], 'none')
    )
    .option('--admin <url>', "the gateway's admin endpoint, for the summary", 'http://localhost:8888')
    .option('--no-admin', 'read nothing from the gateway')
    .option('--rate <n>', 'workflow runs started a second', positive, 5)
    .option('--workflows <n>', 'different workflows', whole, CATALOGUE_SIZE)
    .option('--workers <n>', 'workers that run them', whole, 3)
    .option('--fail <share>', 'runs that end failed', share, 0.03)
    .option('--flaky <share>', 'attempts that fail and are tried again', share, 0.03)
    .option('--slow <share>', 'attempts that take 3 to 8 times as long', share, 0.02)
    .option('--cache <share>', 'cacheable steps that come from the cache', share, 0.6)
    .option('--personal <share>', 'runs with personal data and secrets in their telemetry', share, 0.5)
    .option('--duplicate <share>', 'requests that are sent twice', share, 0)
    .option('--seed <n>', 'decides everything about the runs (default: a new one each time)', whole)
    .option('--seconds <n>', 'stop to start runs after so many simulated seconds (default: run until Ctrl+C)', positive)
    .option('--executions <n>', 'stop to start runs after so many', whole)
    .option('--speed <n|max>', 'simulated seconds a second; needs --seconds or --executions above 1', speedOf, 1)
    .option('--from <time>', 'when simulated time begins, RFC 3339 (default: so that it ends now)', timeOf)
    .option('--prefix <text>', "in front of AlgoFlow's attribute names, e.g. algoflow.", '')
    .option('--truth <file>', 'write what really happened as JSON')
    .option('--start', 'start a gateway for it, with a config of its own, and stop it at the end')
  try {
    program.parse([...args], { from: 'user' })
    const raw = program.opts<Raw>()
    const wrong = contradiction(raw)
    if (wrong !== undefined) program.error(`error: ${wrong}`)
    return { options: optionsOf(raw), code: 0 }
  } catch (error) {
    if (error instanceof CommanderError) return { code: error.exitCode === 0 ? 0 : 2 }
    throw error
  }
}

function contradiction({ speed, seconds, executions, protocol, start, endpoint }: Raw): string | undefined {
  if (speed > 1 && seconds === undefined && executions === undefined)
    return 'faster than time it can only run up to an end: add --seconds N or --executions N'
  if (protocol !== undefined && protocol !== 'http' && protocol !== 'grpc') return '--protocol is http or grpc'
  if (start === true && endpoint.length > 0) return '--start brings its own gateway: leave --endpoint out'
  return undefined
}

function optionsOf(raw: Raw): Options {
  const { fail, flaky, slow, cache, personal } = raw
  const protocol = raw.protocol ?? (/:4317\/?$/.test(raw.endpoint[0] ?? '') ? 'grpc' : 'http')
  const usual = protocol === 'grpc' ? 'localhost:4317' : 'http://localhost:4318'
  return {
    endpoints: raw.endpoint.length > 0 ? raw.endpoint : [usual],
    protocol: protocol as 'http' | 'grpc',
    headers: Object.fromEntries(raw.header.map(headerOf)),
    admin: raw.admin === false ? undefined : raw.admin,
    rate: raw.rate,
    workflows: raw.workflows,
    workers: raw.workers,
    chances: { fail, flaky, slow, cache, personal },
    duplicate: raw.duplicate,
    // Ids come from the seed: with the same one a gateway would take a second run for the first one sent again.
    seed: raw.seed ?? Math.floor(Math.random() * MAX_SEED),
    seconds: raw.seconds,
    executions: raw.executions,
    speed: raw.speed,
    fromMs: raw.from,
    prefix: raw.prefix,
    truth: raw.truth,
    isStarting: raw.start === true
  }
}

function gather(value: string, before: readonly string[]): string[] {
  if (!/^[^=\s]+=./.test(value)) throw new InvalidArgumentError('Write name=value.')
  return [...before, value]
}

function headerOf(text: string): [string, string] {
  const at = text.indexOf('=')
  return [text.slice(0, at), text.slice(at + 1)]
}

/** `3%`, `3 %` or `0.03`. */
function shareOf(text: string): number {
  const found = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim())
  const value = found === null ? Number.NaN : Number(found[1]) / (found[2] === '%' ? 100 : 1)
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('Write a share as 3% or 0.03.')
  return value
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('Write a number above 0.')
  return value
}

function whole(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1 || value > MAX_SEED)
    throw new InvalidArgumentError('Write a whole number from 1.')
  return value
}

function speedOf(text: string): number {
  return text === 'max' ? Number.POSITIVE_INFINITY : positive(text)
}

function timeOf(text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new InvalidArgumentError('Write a time as 2026-01-31T10:00:00Z.')
  return ms
}
