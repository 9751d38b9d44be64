// Compressing request bodies: gzip on Node's thread pool; zstd by Node where it has it (22.15 and up), else WebAssembly.

import { promisify } from 'node:util'
import zlib from 'node:zlib'
import Type, { type Static } from 'typebox'

export const compressionSchema = Type.Union([Type.Literal('gzip'), Type.Literal('zstd'), Type.Literal('none')], {
  default: 'gzip',
  description: 'Compression of requests. `none` costs the least CPU, which is right for a back end on the same host.'
})
export type Compression = Static<typeof compressionSchema>

/** Turns bytes into the body to send. */
export type Compressor = (bytes: Buffer) => Promise<Buffer>

/** One speed for all: telemetry repeats itself so much that higher levels cost CPU and save little. */
const GZIP_LEVEL = 1
const ZSTD_LEVEL = 1

const gzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip)

/** The compressor of a setting; undefined for `none`. Loads what it needs, so call it at start. */
export async function compressor(compression: Compression): Promise<Compressor | undefined> {
  if (compression === 'none') return undefined
  if (compression === 'gzip') return bytes => gzip(bytes, { level: GZIP_LEVEL })
  return zstdCompressor()
}

/** zstd came to node:zlib after the types this project is built with. */
type ZstdZlib = {
  zstdCompress?: (bytes: Buffer, options: object, done: (error: Error | null, out: Buffer) => void) => void
  constants: { ZSTD_c_compressionLevel?: number }
}

async function zstdCompressor(): Promise<Compressor> {
  const { zstdCompress, constants } = zlib as unknown as ZstdZlib
  if (zstdCompress !== undefined) {
    const params = { [constants.ZSTD_c_compressionLevel!]: ZSTD_LEVEL }
    const compress = promisify<Buffer, object, Buffer>(zstdCompress)
    return bytes => compress(bytes, { params })
  }
  const { Zstd } = await import('@hpcc-js/wasm-zstd')
  const zstd = await Zstd.load()
  return async bytes => Buffer.from(zstd.compress(bytes, ZSTD_LEVEL)) // the WASM heap is reused: copy out
}
