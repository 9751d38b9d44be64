// Inflating request bodies with a limit that is counted while inflating: a bomb costs at most `maxBytes`, never its size.
//
// Small bodies are inflated at once on the caller's thread (a trip to the thread pool costs more than the work); when
// one of them grows past SYNC_OUTPUT it starts over on the thread pool. zstd is Node's own where it has it (22.15 and
// up), else fzstd, block by block.

import zlib from 'node:zlib'
import { Decompress } from 'fzstd'
import { catalogue } from '../component/errors.js'

export const compressionErrors = catalogue({
  BODY_TOO_LARGE: (maxBytes: number) =>
    `The request is larger than the limit of ${maxBytes} bytes (counted after decompression).`,
  BODY_CORRUPT: (encoding: string) => `The body is not valid or complete ${encoding} data.`,
  ENCODING_UNSUPPORTED: (known: string) => `The content encoding is not supported. Supported: ${known}.`
})

/** What `inflate` understands, as an Accept-Encoding value. */
export const ACCEPTED_ENCODINGS = 'identity, gzip, deflate, zstd'

/** Compressed bytes up to which inflating is tried on the spot, and the most it may yield there (about 2 ms). */
const SYNC_INPUT = 64 * 1024
const SYNC_OUTPUT = 1024 * 1024
/** RFC 8878 section 3.1.1.1.2 asks decoders to support 8 MiB windows; more is refused before it is allocated. */
const ZSTD_MAX_WINDOW = 8 * 1024 * 1024

type Inflater = {
  sync: (body: Buffer, options: zlib.ZlibOptions) => Buffer
  async: (body: Buffer, options: zlib.ZlibOptions, done: (error: Error | null, out: Buffer) => void) => void
}

/** zstd came to node:zlib after the types this project is built with. */
type ZstdZlib = { zstdDecompressSync?: Inflater['sync']; zstdDecompress?: Inflater['async'] }

const GZIP: Inflater = { sync: zlib.gunzipSync, async: zlib.gunzip }
const ZLIB: Inflater = { sync: zlib.inflateSync, async: zlib.inflate }
const RAW: Inflater = { sync: zlib.inflateRawSync, async: zlib.inflateRaw }
const nodeZstd = zlib as unknown as ZstdZlib
const ZSTD: Inflater | undefined =
  nodeZstd.zstdDecompressSync && nodeZstd.zstdDecompress
    ? { sync: nodeZstd.zstdDecompressSync, async: nodeZstd.zstdDecompress }
    : undefined

/** True for no or `identity` encoding. */
export function isIdentity(encoding: string | undefined): boolean {
  return encoding === undefined || encoding === '' || encoding === 'identity'
}

/** True when `inflate` knows the encoding (lower case, one only). */
export function isSupportedEncoding(encoding: string | undefined): boolean {
  return isIdentity(encoding) || encoding === 'zstd' || inflaterOf(encoding as string, EMPTY) !== undefined
}

const EMPTY = Buffer.alloc(0)

/**
 * Inflates `body`: a Buffer when it could be done at once, else a promise.
 * @param encoding `identity`, `gzip`, `x-gzip`, `deflate` (zlib or raw), `zstd`; lower case.
 * @param maxBytes most bytes the result may have.
 * @throws (or rejects with) BODY_TOO_LARGE, BODY_CORRUPT, ENCODING_UNSUPPORTED
 */
export function inflate(encoding: string, body: Buffer, maxBytes: number): Buffer | Promise<Buffer> {
  if (isIdentity(encoding)) {
    if (body.length > maxBytes) throw compressionErrors.BODY_TOO_LARGE(maxBytes)
    return body
  }
  if (encoding === 'zstd' && ZSTD === undefined) return inflateFzstd(body, maxBytes)
  const inflater = encoding === 'zstd' ? ZSTD : inflaterOf(encoding, body)
  if (inflater === undefined) throw compressionErrors.ENCODING_UNSUPPORTED(ACCEPTED_ENCODINGS)
  if (body.length > SYNC_INPUT) return inflateAsync(inflater, encoding, body, maxBytes)
  const limit = Math.min(maxBytes, SYNC_OUTPUT)
  try {
    return inflater.sync(body, { maxOutputLength: limit, chunkSize: firstChunk(encoding, body, limit) })
  } catch (error) {
    if (!isTooLarge(error)) throw compressionErrors.BODY_CORRUPT(encoding)
    if (limit === maxBytes) throw compressionErrors.BODY_TOO_LARGE(maxBytes)
    return inflateAsync(inflater, encoding, body, maxBytes)
  }
}

function inflaterOf(encoding: string, body: Buffer): Inflater | undefined {
  if (encoding === 'gzip' || encoding === 'x-gzip') return GZIP
  if (encoding === 'deflate') return hasZlibHeader(body) ? ZLIB : RAW
  return undefined
}

/** RFC 1950 section 2.2: method 8 and a header check; `deflate` in the wild is often raw (RFC 9110 section 8.4.1.2). */
function hasZlibHeader(body: Buffer): boolean {
  if (body.length < 2) return true
  return (body[0]! & 0x0f) === 8 && ((body[0]! << 8) | body[1]!) % 31 === 0
}

/**
 * gzip ends with its size (modulo 2^32, and a liar may write anything): used as a hint, bounded, so that an honest body
 * is inflated into one piece of memory. One more byte lets zlib see the end without a second piece.
 */
function firstChunk(encoding: string, body: Buffer, limit: number): number {
  if (!encoding.endsWith('gzip') || body.length < 18) return 16 * 1024
  const hint = body.readUInt32LE(body.length - 4) + 1
  return Math.max(64, Math.min(hint, limit + 1))
}

function inflateAsync(inflater: Inflater, encoding: string, body: Buffer, maxBytes: number): Promise<Buffer> {
  const options = { maxOutputLength: maxBytes, chunkSize: 256 * 1024 }
  return new Promise((resolve, reject) => {
    inflater.async(body, options, (error, out) => {
      if (error === null) return resolve(out)
      reject(isTooLarge(error) ? compressionErrors.BODY_TOO_LARGE(maxBytes) : compressionErrors.BODY_CORRUPT(encoding))
    })
  })
}

function isTooLarge(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
}

/** fzstd works on this thread: input goes in by slices of this size with a turn of the event loop between them. */
const ZSTD_SLICE = 16 * 1024

async function inflateFzstd(body: Buffer, maxBytes: number): Promise<Buffer> {
  checkZstdFrames(body, maxBytes)
  const pieces: Uint8Array[] = []
  let total = 0
  const stream = new Decompress(piece => {
    total += piece.length
    if (total > maxBytes) throw compressionErrors.BODY_TOO_LARGE(maxBytes)
    pieces.push(piece)
  })
  for (let at = 0; at < body.length; at += ZSTD_SLICE) {
    if (at > 0) await new Promise<void>(resolve => setImmediate(resolve))
    pushZstd(stream, body.subarray(at, at + ZSTD_SLICE), at + ZSTD_SLICE >= body.length)
  }
  return Buffer.concat(pieces, total)
}

function pushZstd(stream: Decompress, slice: Buffer, isLast: boolean): void {
  try {
    stream.push(slice, isLast)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'BODY_TOO_LARGE') throw error
    throw compressionErrors.BODY_CORRUPT('zstd')
  }
}

/**
 * Walks frame and block headers (RFC 8878 section 3.1.1) before anything is allocated: fzstd would allocate whatever
 * window a header claims, and takes a cut-off last frame for a whole one.
 */
function checkZstdFrames(body: Buffer, maxBytes: number): void {
  let at = 0
  let claimed = 0
  while (at < body.length) {
    const frame = zstdFrame(body, at)
    if (frame === undefined) throw compressionErrors.BODY_CORRUPT('zstd')
    if (frame.window > Math.max(maxBytes, ZSTD_MAX_WINDOW)) throw compressionErrors.BODY_TOO_LARGE(maxBytes)
    claimed += frame.content
    if (claimed > maxBytes) throw compressionErrors.BODY_TOO_LARGE(maxBytes)
    at = frame.end
  }
  if (body.length === 0) throw compressionErrors.BODY_CORRUPT('zstd')
}

/** One frame's claimed window, claimed content size (0 = not said) and end; undefined when it is broken. */
function zstdFrame(body: Buffer, at: number): { window: number; content: number; end: number } | undefined {
  if (at + 8 > body.length) return undefined
  const magic = body.readUInt32LE(at)
  if (magic >>> 4 === 0x184d2a5) {
    const end = at + 8 + body.readUInt32LE(at + 4)
    return end <= body.length ? { window: 0, content: 0, end } : undefined
  }
  if (magic !== 0xfd2fb528) return undefined
  const flags = body[at + 4]!
  const isSingle = (flags & 32) !== 0
  const sizeFlag = flags >> 6
  const sizeBytes = sizeFlag === 0 ? (isSingle ? 1 : 0) : 1 << sizeFlag
  const contentAt = at + 5 + (isSingle ? 0 : 1) + ([0, 1, 2, 4][flags & 3] as number)
  if (contentAt + sizeBytes > body.length) return undefined
  const content = littleEndian(body, contentAt, sizeBytes) + (sizeFlag === 1 ? 256 : 0)
  const end = zstdBlocksEnd(body, contentAt + sizeBytes)
  if (end === undefined) return undefined
  const exponent = body[at + 5]!
  const base = 2 ** (10 + (exponent >> 3))
  const window = isSingle ? content : base + (base / 8) * (exponent & 7)
  const checksum = (flags & 4) !== 0 ? 4 : 0
  return end + checksum <= body.length ? { window, content, end: end + checksum } : undefined
}

function zstdBlocksEnd(body: Buffer, first: number): number | undefined {
  let at = first
  while (at + 3 <= body.length) {
    const header = body.readUIntLE(at, 3)
    const type = (header >> 1) & 3
    at += 3 + (type === 1 ? 1 : header >> 3)
    if (type === 3 || at > body.length) return undefined
    if ((header & 1) === 1) return at
  }
  return undefined
}

function littleEndian(body: Buffer, at: number, bytes: number): number {
  let value = 0
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + body[at + i]!
  return value
}
