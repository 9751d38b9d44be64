// The store as a stream of chunks in one format. Works in slices, so that a large scrape does not hold up the process.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { ProtoWriter } from '../../core/metrics/protobuf.js'
import type { Format } from './negotiate.js'
import { encodeFamily } from './protobuf.js'
import type { SeriesStore, StoredFamily } from './store.js'
import { writeFamily } from './text.js'

export interface ExpositionOptions {
  readonly timestamps: boolean
  readonly maxClassicBuckets: number
}

/** Bytes gathered before a chunk is given on and other work gets its turn; about a millisecond of writing. */
const CHUNK = 64 * 1024

export function expose(
  store: SeriesStore,
  format: Format,
  options: ExpositionOptions
): AsyncGenerator<string | Buffer> {
  return format === 'protobuf' ? protobufChunks(store, options) : textChunks(store, format === 'openmetrics', options)
}

async function* textChunks(
  store: SeriesStore,
  openMetrics: boolean,
  options: ExpositionOptions
): AsyncGenerator<string> {
  let chunk = ''
  for (const family of store.families()) {
    for (const part of writeFamily(family, { ...options, openMetrics })) {
      chunk += part
      if (chunk.length < CHUNK) continue
      yield chunk
      chunk = ''
      await nextTurn()
    }
  }
  yield openMetrics ? `${chunk}# EOF\n` : chunk
}

// A family is one length-delimited message and is encoded in one go: its length comes first.
async function* protobufChunks(store: SeriesStore, options: ExpositionOptions): AsyncGenerator<Buffer> {
  const writer = new ProtoWriter()
  for (const family of store.families() as Iterable<StoredFamily>) {
    encodeFamily(writer, family, options)
    if (writer.byteLength < CHUNK) continue
    yield writer.finish()
    await nextTurn()
  }
  yield writer.finish()
}
