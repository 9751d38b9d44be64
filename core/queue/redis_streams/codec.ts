// Payloads as Redis keeps them: as they are, or compressed. Each one says itself how it is kept, so that gateways with different
// settings share a queue and a setting can be changed at any time.
//
//   raw         the payload
//   otherwise   magic (4 bytes), codec (1 byte), then what the codec made of it
//
// A payload that happens to begin with the magic is kept behind one, with codec `raw`.

import { createRequire } from 'node:module'
import zlib from 'node:zlib'
import type * as Fzstd from 'fzstd'

export type Compression = 'none' | 'deflate' | 'zstd'

const MAGIC = Buffer.from([0xaf, 0x10, 0x7a, 0x01])
const HEAD = MAGIC.length + 1
const RAW = 0
const DEFLATE = 1
const ZSTD = 2
/** Smaller payloads gain nothing. */
const SMALLEST = 512
/** One speed for all: telemetry repeats itself so much that higher levels cost CPU and save little. */
const LEVEL = 1
/** No payload is larger; a damaged one could claim to be. */
const LARGEST = 1 << 29

/** zstd came to node:zlib (22.15) after the types this project is built with. */
type ZstdZlib = {
  zstdCompressSync?: (bytes: Buffer, options: object) => Buffer
  zstdDecompressSync?: (bytes: Buffer, options: object) => Buffer
  constants: { ZSTD_c_compressionLevel?: number }
}

const native = zlib as unknown as ZstdZlib
const load = createRequire(import.meta.url)

/** Whether this Node can write `zstd`; every Node can read it. */
export function canZstd(): boolean {
  return native.zstdCompressSync !== undefined
}

/** What goes into Redis for a payload. */
export function encodePayload(bytes: Buffer, compression: Compression): Buffer {
  if (compression !== 'none' && bytes.length >= SMALLEST) {
    const [codec, small] = compressed(bytes, compression)
    if (small.length + HEAD < bytes.length) return Buffer.concat([MAGIC, Buffer.from([codec]), small])
  }
  return isMarked(bytes) ? Buffer.concat([MAGIC, Buffer.from([RAW]), bytes]) : bytes
}

/** The payload again. @throws RangeError, or what zlib throws, when it is damaged. */
export function decodePayload(kept: Buffer): Buffer {
  if (!isMarked(kept)) return kept
  const codec = kept[MAGIC.length]
  const bytes = kept.subarray(HEAD)
  if (codec === RAW) return bytes
  if (codec === DEFLATE) return zlib.inflateRawSync(bytes, { maxOutputLength: LARGEST })
  if (codec !== ZSTD) throw new RangeError('a payload of an unknown codec')
  if (native.zstdDecompressSync !== undefined) return native.zstdDecompressSync(bytes, { maxOutputLength: LARGEST })
  const { decompress } = load('fzstd') as typeof Fzstd
  return Buffer.from(decompress(bytes))
}

/** Without native zstd deflate is the faster one by far: WebAssembly takes five times its CPU. */
function compressed(bytes: Buffer, compression: Compression): readonly [codec: number, small: Buffer] {
  const { zstdCompressSync, constants } = native
  if (compression === 'zstd' && zstdCompressSync !== undefined) {
    return [ZSTD, zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel!]: LEVEL } })]
  }
  return [DEFLATE, zlib.deflateRawSync(bytes, { level: LEVEL })]
}

function isMarked(bytes: Buffer): boolean {
  return bytes.length >= HEAD && bytes.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) === 0
}
