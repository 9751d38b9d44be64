// A small protobuf writer for the formats of metric back ends (Prometheus exposition, remote write). Not for OTLP.

const GROWTH = 2
const FIRST_SIZE = 1024

/** Appends fields to one growing buffer. Field order is the caller's; proto3 defaults are the caller's to leave out. */
export class ProtoWriter {
  #buf = Buffer.allocUnsafe(FIRST_SIZE)
  #end = 0

  get byteLength(): number {
    return this.#end
  }

  /** A copy of what was written; the writer starts again. */
  finish(): Buffer {
    const out = Buffer.from(this.#buf.subarray(0, this.#end))
    this.#end = 0
    return out
  }

  text(field: number, text: string): this {
    const length = Buffer.byteLength(text)
    this.#tag(field, 2).#varint(length).#room(length)
    this.#end += this.#buf.write(text, this.#end)
    return this
  }

  double(field: number, value: number): this {
    this.#tag(field, 1).#room(8)
    this.#end = this.#buf.writeDoubleLE(value, this.#end)
    return this
  }

  /** A double given by its bits, for NaNs that mean something. */
  doubleBits(field: number, bits: bigint): this {
    this.#tag(field, 1).#room(8)
    this.#end = this.#buf.writeBigUInt64LE(bits, this.#end)
    return this
  }

  /** uint32, uint64, int64, enum; negative numbers take ten bytes, as protobuf says. */
  uint(field: number, value: number): this {
    return this.#tag(field, 0).#varint(value)
  }

  sint(field: number, value: number): this {
    return this.#tag(field, 0).#varint(zigzag(value))
  }

  packedSint(field: number, values: readonly number[]): this {
    return this.message(field, () => {
      for (const value of values) this.#varint(zigzag(value))
    })
  }

  /** A nested message or packed field: whatever `write` appends, with its length before it. */
  message(field: number, write: () => void): this {
    this.#tag(field, 2)
    return this.delimited(write)
  }

  /** What `write` appends, with its length before it. */
  delimited(write: () => void): this {
    const start = this.#end
    write()
    const length = this.#end - start
    const head = varintSize(length)
    this.#room(head)
    this.#buf.copyWithin(start + head, start, this.#end)
    this.#end = start
    this.#varint(length)
    this.#end = start + head + length
    return this
  }

  #tag(field: number, wireType: number): this {
    return this.#varint(field * 8 + wireType)
  }

  #varint(value: number): this {
    this.#room(10)
    if (value < 0 || value > Number.MAX_SAFE_INTEGER)
      return this.#bigVarint(BigInt.asUintN(64, BigInt(Math.trunc(value))))
    let left = value
    while (left > 0x7f) {
      this.#buf[this.#end++] = (left % 0x80) + 0x80
      left = Math.floor(left / 0x80)
    }
    this.#buf[this.#end++] = left
    return this
  }

  #bigVarint(value: bigint): this {
    let left = value
    while (left > 0x7fn) {
      this.#buf[this.#end++] = Number(left & 0x7fn) | 0x80
      left >>= 7n
    }
    this.#buf[this.#end++] = Number(left)
    return this
  }

  #room(bytes: number): this {
    if (this.#end + bytes <= this.#buf.length) return this
    const bigger = Buffer.allocUnsafe(Math.max(this.#buf.length * GROWTH, this.#end + bytes))
    this.#buf.copy(bigger, 0, 0, this.#end)
    this.#buf = bigger
    return this
  }
}

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}

function varintSize(value: number): number {
  let size = 1
  for (let left = value; left > 0x7f; left = Math.floor(left / 0x80)) size++
  return size
}
