// What bytes say when they are read as text: UTF-8, UTF-16, or gzip and zlib around either.

import { isUtf8 } from 'node:buffer'
import { gunzipSync, inflateSync } from 'node:zlib'

/** Compressed text is opened when it is no more than so many times as long: opening it must not cost more than reading it. */
const RATIO = 16
const MOST = 256 * 1024

/** Bytes as text; undefined when they are none. Compressed bytes that grow too much count as none. */
export function textOf(bytes: Buffer): string | undefined {
  return readable(bytes) ?? utf16(bytes) ?? opened(bytes)
}

/** Valid UTF-8 without control characters; undefined otherwise. */
export function readable(bytes: Buffer): string | undefined {
  for (let i = 0; i < bytes.length; i++) {
    const b = bytes[i]!
    if (b < 0x20 && b !== 9 && b !== 10 && b !== 13) return undefined
    if (b === 0x7f) return undefined
  }
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

/** UTF-16 of mostly Latin text, in either order, with or without a byte order mark. */
function utf16(bytes: Buffer): string | undefined {
  const length = bytes.length & ~1
  if (length < 8 || (bytes[0] !== 0 && bytes[1] !== 0 && !isMark(bytes))) return undefined
  let low = 0
  let high = 0
  for (let i = 0; i < length; i += 2) {
    if (bytes[i] === 0) high++
    if (bytes[i + 1] === 0) low++
  }
  const isBig = high > low
  if (Math.max(low, high) * 4 < length * 0.5 * 3) return undefined
  const even = Buffer.from(bytes.subarray(0, length))
  return (isBig ? even.swap16() : even).toString('utf16le').replace(/^\ufeff/, '')
}

const isMark = (bytes: Buffer): boolean =>
  (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)

function opened(bytes: Buffer): string | undefined {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  const isZlib = bytes[0] === 0x78 && ((bytes[0] << 8) | bytes[1]!) % 31 === 0
  if (bytes.length < 16 || (!isGzip && !isZlib)) return undefined
  try {
    const maxOutputLength = Math.min(MOST, bytes.length * RATIO)
    const plain = isGzip ? gunzipSync(bytes, { maxOutputLength }) : inflateSync(bytes, { maxOutputLength })
    return readable(plain) ?? utf16(plain)
  } catch {
    return undefined
  }
}
