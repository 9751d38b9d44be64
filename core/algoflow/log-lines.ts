// Log records as AlgoFlow's JSON lines:
//
//   {"timestamp":"2025-01-30T10:00:00Z","level":"INFO","message":"Step completed","trace_id":"...","span_id":"...",
//    "workflow_id":"wf-789","step_name":"process-data","attributes":{"duration_ms":1234,"cache_hit":false}}
//
// All eight keys are always there, in this order; what is not known is null. docs/logs.md has the mapping.

import type { TraceNames } from '../component/context.js'
import { decodeRequest } from '../otlp/decode.js'
import type { DecodedAttribute, DecodedLogRecord, Value } from '../otlp/decoded.js'
import { ATTRIBUTE_PREFIX, STEP_NAME, WORKFLOW_ID } from './names.js'

/** One line as an object. */
export interface LogLine {
  /** RFC 3339 in UTC; the fraction as long as it needs to be, up to nanoseconds. */
  readonly timestamp: string
  readonly level: string
  readonly message: string
  /** Lower case hex. */
  readonly trace_id: string | null
  readonly span_id: string | null
  readonly workflow_id: string | null
  readonly step_name: string | null
  readonly attributes: Readonly<Record<string, unknown>>
}

/** Names of severity numbers, four each, from 1 (log data model, "Displaying Severity"). */
const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const
const UNSPECIFIED = 'UNSPECIFIED'

/** Words of log libraries for records that say no number. */
const WORDS: Readonly<Record<string, (typeof LEVELS)[number]>> = {
  VERBOSE: 'TRACE',
  FINEST: 'TRACE',
  FINE: 'DEBUG',
  INFORMATION: 'INFO',
  INFORMATIONAL: 'INFO',
  NOTICE: 'INFO',
  WARNING: 'WARN',
  ERR: 'ERROR',
  SEVERE: 'ERROR',
  CRIT: 'FATAL',
  CRITICAL: 'FATAL',
  ALERT: 'FATAL',
  EMERG: 'FATAL',
  EMERGENCY: 'FATAL',
  PANIC: 'FATAL'
}

const NANOS = 1_000_000_000n

/** The records of an encoded logs request, a line each, each with its end of line. */
export function logLines(bytes: Buffer, names?: TraceNames): string {
  let text = ''
  for (const { resource, scopeLogs } of decodeRequest('logs', bytes).resourceLogs) {
    for (const { logRecords } of scopeLogs) {
      for (const record of logRecords) text += `${oneLine(logLine(record, resource?.attributes ?? [], names))}\n`
    }
  }
  return text
}

/** What moves a terminal or its text about, and JSON leaves as it is, is escaped: lines are also read by people. */
function oneLine(line: LogLine): string {
  return JSON.stringify(line).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    found => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`
  )
}

/** One record. `resource`: attributes of its resource, for a workflow id that stands there. */
function logLine(record: DecodedLogRecord, resource: readonly DecodedAttribute[], names?: TraceNames): LogLine {
  const { traceId, spanId } = record
  const trace = isId(traceId) ? traceId : undefined
  const span = isId(spanId) ? spanId : undefined
  const own = named(record.attributes, WORKFLOW_ID) ?? named(resource, WORKFLOW_ID)
  if (own !== undefined && trace !== undefined) names?.noteWorkflow(trace, own)
  const workflow = own ?? (trace === undefined ? undefined : names?.workflowId(trace))
  const looked = trace === undefined || span === undefined ? undefined : names?.stepName(trace, span)
  return {
    timestamp: timestampOf(record.timeUnixNano === 0n ? record.observedTimeUnixNano : record.timeUnixNano),
    level: levelOf(record.severityNumber, record.severityText),
    message: messageOf(record),
    trace_id: trace?.toString('hex') ?? null,
    span_id: span?.toString('hex') ?? null,
    workflow_id: workflow ?? null,
    step_name: named(record.attributes, STEP_NAME) ?? looked ?? null,
    attributes: attributesOf(record.attributes)
  }
}

/** `2025-01-30T10:00:00.123456789Z`, without zeros at the end. */
export function timestampOf(nanos: bigint): string {
  const seconds = new Date(Number(nanos / NANOS) * 1000).toISOString().slice(0, 19)
  const fraction = (nanos % NANOS).toString().padStart(9, '0').replace(/0+$/, '')
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`
}

/** By the number; by the text where there is none; a text that nobody knows is told as it is. */
export function levelOf(number: number, text: string): string {
  const level = number > 0 ? LEVELS[(number - 1) >> 2] : undefined
  if (level !== undefined) return level
  const word = text.trim().toUpperCase()
  if (word === '') return UNSPECIFIED
  return WORDS[word] ?? LEVELS.find(one => one === word.replace(/[2-4]$/, '')) ?? word
}

function messageOf({ body, eventName, attributes }: DecodedLogRecord): string {
  if (typeof body === 'string') return body
  if (body !== undefined) return JSON.stringify(plain(body))
  return eventName !== '' ? eventName : (named(attributes, 'exception.message', '') ?? '')
}

/** An attribute's text, with or without the prefix; undefined when it is not there, empty or no scalar. */
function named(attributes: readonly DecodedAttribute[], key: string, prefix = ATTRIBUTE_PREFIX): string | undefined {
  for (const { key: found, value } of attributes) {
    if (found !== key && found !== prefix + key) continue
    if (typeof value === 'string' ? value !== '' : typeof value === 'number' || typeof value === 'bigint')
      return String(value)
  }
  return undefined
}

const SHOWN = new Set([WORKFLOW_ID, STEP_NAME].flatMap(key => [key, ATTRIBUTE_PREFIX + key]))

/** Those that have no key of their own. No prototype: a key `__proto__` is a key like any other. */
function attributesOf(attributes: readonly DecodedAttribute[]): Readonly<Record<string, unknown>> {
  const out = Object.create(null) as Record<string, unknown>
  for (const { key, value } of attributes) if (!SHOWN.has(key)) out[key] = plain(value)
  return out
}

/** As JSON can say it: bytes in base64, large integers and what is no number as text. */
function plain(value: Value): unknown {
  if (value === undefined) return null
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object') return value
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (Array.isArray(value)) return (value as readonly Value[]).map(plain)
  const out = Object.create(null) as Record<string, unknown>
  for (const [key, part] of Object.entries(value as Readonly<Record<string, Value>>)) out[key] = plain(part)
  return out
}

/** All zeros is how some SDKs say that there is none. */
function isId(id: Buffer): boolean {
  return id.length > 0 && id.some(byte => byte !== 0)
}
