// Appends telemetry to a file: one OTLP/JSON export request a line, like the Collector's file exporter.

import { join, parse } from 'node:path'
import { logLines } from '../../core/algoflow/log-lines.js'
import type { Batch } from '../../core/component/batch.js'
import type { TraceNames } from '../../core/component/context.js'
import { catalogue, codeOf } from '../../core/component/errors.js'
import { defineExporter, type Exporter } from '../../core/component/exporter.js'
import { DELIVERED, type Outcome } from '../../core/component/outcome.js'
import { compressor } from '../../core/net/client-compress.js'
import { protobufToJson } from '../../core/otlp/json-write.js'
import { Appender, rotationBytes } from './appender.js'
import { type FileConfig, schema, validate } from './config.js'

export const fileErrors = catalogue({
  FILE_NOT_OPEN: (path: string, code: string) =>
    `The file exporter cannot open ${path} (${code}). Check the path, its permissions and the free space.`,
  FILE_NOT_WRITTEN: (path: string, code: string) => `cannot write ${path} (${code})`
})

const LIMITS = { maxBytes: 16 * 1024 * 1024, maxItems: Number.MAX_SAFE_INTEGER }
const NEWLINE = Buffer.from('\n')
/** How often old files are looked for. */
const SWEEP_MS = 3_600_000

export default defineExporter({
  type: 'file',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Appends telemetry to a file, one OTLP/JSON export request a line, rotated.',
  schema,
  validate,
  inProcess: (config, n) => ({ ...config, path: numbered(config.path, n) }),
  create(config, context): Exporter {
    const { clock, log } = context
    const names = config.encoding === undefined ? undefined : context.traceNames
    const lines = config.format === 'json' && config.compression === 'none'
    const appender = new Appender({
      path: config.path,
      maxBytes: rotationBytes(config.rotation),
      maxDays: config.rotation?.max_days ?? 0,
      maxBackups: config.rotation?.max_backups ?? 0,
      fsync: config.fsync,
      lines,
      now: () => clock.now()
    })
    let encode = encoder(config, names, undefined)
    let timer: { cancel(): void } | undefined
    let isStopped = false
    const sweepLater = () => {
      if (isStopped) return
      timer = clock.after(SWEEP_MS, () => {
        appender
          .sweep()
          .catch(error => log.warn({ code: codeOf(error) }, 'old files could not be removed; tried again in an hour'))
          .finally(sweepLater)
      })
    }
    return {
      limits: LIMITS,
      async start() {
        encode = encoder(config, names, await compressor(config.compression))
        await appender.start().catch(error => {
          throw fileErrors.FILE_NOT_OPEN(config.path, codeOf(error))
        })
        sweepLater()
      },
      async send(batch): Promise<Outcome> {
        const record = await encode(batch)
        try {
          await appender.append(record)
          return DELIVERED
        } catch (error) {
          return { kind: 'retry', cause: fileErrors.FILE_NOT_WRITTEN(config.path, codeOf(error)) } // disk full: later
        }
      },
      async stop() {
        isStopped = true
        timer?.cancel()
        await appender.stop()
      }
    }
  }
})

/** `telemetry.jsonl` -> `telemetry-2.jsonl`: two processes would rename the file under each other. */
function numbered(path: string, n: number): string {
  const { dir, name, ext } = parse(path)
  return join(dir, `${name}-${n}${ext}`)
}

type Encode = (batch: Batch) => Buffer | Promise<Buffer>

function encoder(
  { format, encoding }: FileConfig,
  names: TraceNames | undefined,
  compress: ((bytes: Buffer) => Promise<Buffer>) | undefined
): Encode {
  const isLines = (batch: Batch) => encoding === 'algoflow_json' && batch.signal === 'logs'
  const plain = (batch: Batch) => {
    if (isLines(batch)) return Buffer.from(logLines(batch.bytes, names))
    return format === 'proto' ? batch.bytes : Buffer.from(protobufToJson(batch.signal, batch.bytes))
  }
  if (compress) return async batch => framed(await compress(plain(batch)))
  if (format === 'proto') return batch => framed(batch.bytes)
  return batch => (isLines(batch) ? plain(batch) : Buffer.concat([plain(batch), NEWLINE]))
}

function framed(bytes: Buffer): Buffer {
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
