// Stepping over the fields of bytes that were checked before, as fast as it goes: what the log holds was walked on its way in. A
// length that does not fit all the same throws. For bytes of anybody else there is `skipField` in walk-fields.ts.

import { WireError } from './wire.js'

export class Steps {
  /** Where the content of the field begins that `over` stepped over last: a second result, without an object for it. */
  at = 0

  /** Behind the field at `p`. @throws WireError when it reaches beyond `to`, or is none */
  over(buf: Buffer, p: number, to: number): number {
    let at = p + 1
    let tag = buf[p]!
    const wire = tag & 7
    while (tag >= 0x80) tag = buf[at++]!
    this.at = at
    let next = at
    if (wire === 2) {
      let length = buf[at++]!
      if (length >= 0x80) {
        length &= 0x7f
        for (let factor = 128; ; factor *= 128) {
          const byte = buf[at++]!
          length += (byte & 0x7f) * factor
          if (byte < 0x80) break
          if (factor > 0x10000000) throw new WireError('OTLP_VARINT', p)
        }
      }
      this.at = at
      next = at + length
    } else if (wire === 0) {
      while (buf[next++]! >= 0x80);
    } else if (wire === 1) next = at + 8
    else if (wire === 5) next = at + 4
    else throw new WireError('OTLP_WIRE_TYPE', p)
    // Not `next > to`: a byte beyond the buffer makes NaN.
    if (!(next <= to)) throw new WireError('OTLP_TRUNCATED', p)
    return next
  }
}

/** Whether the 16 bytes of a trace id are all zero: no id. */
export function isZeroId(buf: Buffer, at: number): boolean {
  for (let i = 0; i < 16; i++) if (buf[at + i] !== 0) return false
  return true
}
