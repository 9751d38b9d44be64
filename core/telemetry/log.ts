// The gateway's own log: pino as JSON for machines, one readable line for people; a line that repeats is limited.

import type { Logger } from 'pino'
import { pino } from 'pino'
import type { Clock, Log } from '../component/context.js'
import { codeOf } from '../component/errors.js'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface LogOptions {
  readonly level: LogLevel
  readonly encoding: 'json' | 'text'
  /** Where the lines go. Default: standard error for text, standard output for json. */
  readonly write?: (line: string) => void
  readonly clock: Clock
  /** Colours in text lines. Default false. */
  readonly colour?: boolean
}

/** The log of the process. */
export interface ProcessLog extends Log {
  setLevel(level: LogLevel): void
}

/** Makes the log of the process. Every part gets its own by `part(log, 'otlp_http')`. */
export function createLog(options: LogOptions): ProcessLog {
  const write =
    options.write ?? (line => void (options.encoding === 'text' ? process.stderr : process.stdout).write(line))
  const sink =
    options.encoding === 'text'
      ? { write: (line: string) => write(readable(line, options.colour ?? false)) }
      : { write }
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date(options.clock.now()).toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
      serializers: { error: errorFields, err: errorFields, cause: errorFields }
    },
    sink
  )
  const log = new LimitedLog(logger, options.clock)
  return Object.assign(log, {
    setLevel: (level: LogLevel) => {
      logger.level = level
    }
  })
}

/** The same log with a fixed `component` field. */
export function part(log: Log, component: string): Log {
  return withFields(log, { component })
}

/** The same log with fixed fields. */
export function withFields(log: Log, fixed: object): Log {
  const named = (fields: object) => ({ ...fixed, ...fields })
  return {
    debug: (fields, message) => log.debug(named(fields), message),
    info: (fields, message) => log.info(named(fields), message),
    warn: (fields, message) => log.warn(named(fields), message),
    error: (fields, message) => log.error(named(fields), message)
  }
}

/** An error as fields: its code and text, no stack (it may hold paths and is of no use to operators). */
function errorFields(error: unknown): unknown {
  return error instanceof Error ? { code: codeOf(error), message: error.message } : error
}

/** Lines of one kind that pass in a window; the rest are counted and told at its end. */
const BURST = 5
const WINDOW_MS = 10_000
/** Kinds remembered at once; more pass unlimited rather than growing without bound. */
const MAX_KINDS = 1000

interface Kind {
  passed: number
  held: number
}

/** Lets the first lines of a kind (level, message, component, code) through and counts the rest for a while. */
export class LimitedLog implements Log {
  readonly #to: Pick<Logger, LogLevel>
  readonly #clock: Clock
  readonly #kinds = new Map<string, Kind>()

  constructor(to: Pick<Logger, LogLevel>, clock: Clock) {
    this.#to = to
    this.#clock = clock
  }

  debug(fields: object, message: string): void {
    this.#to.debug(fields, message)
  }

  info(fields: object, message: string): void {
    this.#line('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#line('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#line('error', fields, message)
  }

  #line(level: LogLevel, fields: object, message: string): void {
    const { component, code } = fields as { component?: unknown; code?: unknown }
    const key = `${level}|${String(component)}|${String(code)}|${message}`
    const kind = this.#kinds.get(key) ?? this.#open(key, level, component, message)
    if (kind !== undefined && kind.passed >= BURST) {
      kind.held++
      return
    }
    if (kind !== undefined) kind.passed++
    this.#to[level](fields, message)
  }

  #open(key: string, level: LogLevel, component: unknown, message: string): Kind | undefined {
    if (this.#kinds.size >= MAX_KINDS) return undefined
    const kind: Kind = { passed: 0, held: 0 }
    this.#kinds.set(key, kind)
    this.#clock.after(WINDOW_MS, () => {
      this.#kinds.delete(key)
      if (kind.held > 0)
        this.#to[level]({ component, repeated: kind.held, windowMs: WINDOW_MS }, `${message} (repeated)`)
    })
    return kind
  }
}

const COLOURS: Readonly<Record<string, string>> = {
  debug: '\u001b[2m',
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m'
}

/** `12:01:02.345 WARN  otlp_http: message  code=X`. */
function readable(line: string, colour: boolean): string {
  const { level, time, msg, component, ...fields } = JSON.parse(line) as Record<string, unknown>
  const label = String(level).toUpperCase().padEnd(5)
  const shown = colour ? `${COLOURS[String(level)] ?? ''}${label}\u001b[0m` : label
  const who = component === undefined ? '' : `${String(component)}: `
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${fieldText(value)}`)
  return `${String(time).slice(11, 23)} ${shown} ${who}${oneLine(String(msg ?? ''))}${rest.length > 0 ? `  ${rest.join(' ')}` : ''}\n`
}

function fieldText(value: unknown): string {
  const error = value as { code?: unknown; message?: unknown } | null
  if (
    typeof error === 'object' &&
    error !== null &&
    typeof error.message === 'string' &&
    typeof error.code === 'string'
  ) {
    return JSON.stringify(error.code === 'UNKNOWN' ? error.message : `${error.code}: ${error.message}`)
  }
  return typeof value === 'string' && /^[\w.:/@-]+$/.test(value) ? value : JSON.stringify(value)
}

/** Control characters in a message would let it forge lines or move a terminal's cursor. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, c => JSON.stringify(c).slice(1, -1))
}
