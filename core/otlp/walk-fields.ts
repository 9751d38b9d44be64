// Stepping over encoded fields without looking into them: bounds on every read, -1 for anything malformed.

/** Groups nested deeper are refused. */
const MAX_GROUP_DEPTH = 32

/** The length varint at `at`, in checked bytes. */
export function readLengthAt(buf: Buffer, at: number): number {
  let value = 0
  for (let i = 0; i < 5; i++) {
    const b = buf[at + i]!
    value += (b & 0x7f) * 2 ** (7 * i)
    if (b < 0x80) break
  }
  return value
}

/** Bytes of the varint at `at`, in checked bytes. */
export function varintSizeAt(buf: Buffer, at: number): number {
  let i = 0
  while (buf[at + i]! >= 0x80) i++
  return i + 1
}

/** The position behind the field at `at`, or -1 when it is malformed or reaches beyond `end`. */
export function skipField(buf: Buffer, at: number, end: number, depth = 0): number {
  let p = at
  let tag = 0
  for (let i = 0; ; i++) {
    if (p >= end || i === 5) return -1
    const b = buf[p++]!
    tag += (b & 0x7f) * 2 ** (7 * i)
    if (b < 0x80) break
  }
  if (tag < 8 || tag > 0xffffffff) return -1
  switch (tag & 7) {
    case 0: {
      for (let i = 0; i < 10; i++) {
        if (p >= end) return -1
        if (buf[p++]! < 0x80) return p
      }
      return -1
    }
    case 1:
      return p + 8 <= end ? p + 8 : -1
    case 2: {
      let length = 0
      for (let i = 0; ; i++) {
        if (p >= end || i === 5) return -1
        const b = buf[p++]!
        length += (b & 0x7f) * 2 ** (7 * i)
        if (b < 0x80) break
      }
      return p + length <= end ? p + length : -1
    }
    case 3:
      return skipGroup(buf, Math.floor(tag / 8), p, end, depth)
    case 5:
      return p + 4 <= end ? p + 4 : -1
    default:
      return -1
  }
}

/** Behind the end tag of the group `field` whose content starts at `p`; groups are long deprecated but still legal to skip. */
export function skipGroup(buf: Buffer, field: number, p: number, end: number, depth: number): number {
  if (depth > MAX_GROUP_DEPTH) return -1
  let at = p
  while (at < end) {
    let tag = 0
    let q = at
    for (let i = 0; ; i++) {
      if (q >= end || i === 5) return -1
      const b = buf[q++]!
      tag += (b & 0x7f) * 2 ** (7 * i)
      if (b < 0x80) break
    }
    if ((tag & 7) === 4) return Math.floor(tag / 8) === field ? q : -1
    at = skipField(buf, at, end, depth + 1)
    if (at < 0) return -1
  }
  return -1
}

/** Where the content begins of the checked length-delimited field whose last tag byte is at `at`. */
export function contentFrom(buf: Buffer, at: number): number {
  let p = at + 1
  while (buf[p]! >= 0x80) p++
  return p + 1
}
