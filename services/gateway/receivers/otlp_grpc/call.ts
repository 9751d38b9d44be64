// One unary gRPC call after its headers: length-prefixed message -> inflate -> intake -> answer.
//
// gRPC over HTTP2, "Length-Prefixed-Message": 1 byte compressed flag, 4 bytes length (big endian), the message. A unary
// call has exactly one. The message gets one buffer of its length; when it came in one piece it is not copied at all.

import type { ServerHttp2Stream } from 'node:http2'
import type { Refusal } from '../../../../core/net/answers.js'
import { inflate, isIdentity } from '../../../../core/net/compression.js'
import type { Signal } from '../../../../core/otlp/signal.js'
import type { Answer } from '../../../../core/pipeline/intake.js'
import { type Door, refusalOf, refusalOfError } from '../shared/door.js'
import { sendAccepted, sendRefusal } from './reply.js'

const HEAD_BYTES = 5
const EMPTY = Buffer.alloc(0)

const NOT_ONE_MESSAGE: Refusal = { cause: 'not_found', message: 'A unary call has exactly one message.' }
const BAD_FRAME: Refusal = { cause: 'internal', message: 'The gRPC message frame is malformed.' }
const TOO_LATE: Refusal = { cause: 'timeout', message: 'The deadline passed before the message was whole.' }

/** What the calls of one server share. */
export interface CallOptions {
  readonly door: Door
  /** Most bytes of a message, before and after decompression. */
  readonly limit: number
  /** Calls whose message is still coming; the server's sweep ends those that take too long. */
  readonly reading: Set<Call>
}

export class Call {
  readonly stream: ServerHttp2Stream
  readonly signal: Signal
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly #options: CallOptions
  readonly #compression: string | undefined
  /** From `grpc-timeout`; Infinity without. */
  readonly #deadline: number
  #head: Buffer | undefined
  #message: Buffer | undefined
  #got = 0
  /** Bytes charged to the door. */
  #held = 0
  #isOver = false

  constructor(
    options: CallOptions,
    stream: ServerHttp2Stream,
    signal: Signal,
    compression: string | undefined,
    timeoutMs: number
  ) {
    this.#options = options
    this.stream = stream
    this.signal = signal
    this.startedAt = options.door.clock.now()
    this.#compression = compression
    this.#deadline = this.startedAt + timeoutMs
  }

  /** A piece of the request body. */
  data(chunk: Buffer): void {
    if (this.#isOver) return
    if (this.#message === undefined) return this.#first(chunk)
    this.#append(chunk)
  }

  /** The end of the request body. */
  end(): void {
    if (this.#isOver) return
    const { door, reading } = this.#options
    reading.delete(this)
    const message = this.#message
    // Node ends the body of a call that was reset, too, before it says so: look again when it has.
    if (message === undefined || this.#got !== message.length) return void setImmediate(() => this.#cutOff())
    if (door.clock.now() > this.#deadline) return this.refuse(TOO_LATE)
    this.#isOver = true
    door.count.bytes(message.length, 'grpc')
    if (this.#head![0] === 0) return this.#take(message)
    this.#inflate(message)
  }

  /** The body ended before the message did. */
  #cutOff(): void {
    if (this.#isOver) return
    const { stream } = this
    if (stream.closed || stream.aborted || stream.destroyed) return this.aborted()
    this.refuse(this.#head === undefined ? NOT_ONE_MESSAGE : BAD_FRAME)
  }

  /** The client gave up, or its connection broke. Data handed over already stays handed over. */
  aborted(): void {
    if (this.#isOver) return
    this.#isOver = true
    const { door, reading } = this.#options
    reading.delete(this)
    door.release(this.#held)
    door.count.aborted(1, 'grpc')
  }

  /** Ends the call with an error. */
  refuse(refusal: Refusal): void {
    this.#isOver = true
    const { door, reading } = this.#options
    reading.delete(this)
    door.release(this.#held)
    door.refused(refusal.cause)
    sendRefusal(this.stream, refusal)
  }

  /** Collects the five bytes of the frame's head, nearly always whole in the first piece. */
  #first(chunk: Buffer): void {
    const bytes = this.#head === undefined ? chunk : Buffer.concat([this.#head, chunk])
    this.#head = bytes
    if (bytes.length < HEAD_BYTES) return void this.#options.reading.add(this)
    const flag = bytes[0]!
    const length = bytes.readUInt32BE(1)
    const refusal = this.#refuseByHead(flag, length)
    if (refusal !== undefined) return this.refuse(refusal)
    this.#held = length
    if (bytes.length === HEAD_BYTES + length) {
      this.#message = bytes.subarray(HEAD_BYTES)
      this.#got = length
      return
    }
    this.#options.reading.add(this)
    this.#message = length === 0 ? EMPTY : Buffer.allocUnsafeSlow(length)
    this.#append(bytes.subarray(HEAD_BYTES))
  }

  #refuseByHead(flag: number, length: number): Refusal | undefined {
    const { door, limit } = this.#options
    if (flag > 1) return BAD_FRAME
    if (flag === 1 && isIdentity(this.#compression)) {
      return { cause: 'internal', message: 'The message is compressed, but grpc-encoding names no compression.' }
    }
    if (length > limit) return { cause: 'too_large', message: tooLarge(limit) }
    return door.charge(length, 0)
  }

  #append(chunk: Buffer): void {
    if (this.#got + chunk.length > this.#message!.length) return this.refuse(NOT_ONE_MESSAGE)
    chunk.copy(this.#message!, this.#got)
    this.#got += chunk.length
  }

  #inflate(message: Buffer): void {
    const { limit } = this.#options
    try {
      const inflated = inflate(this.#compression as string, message, limit)
      if (Buffer.isBuffer(inflated)) return this.#takeInflated(inflated)
      inflated.then(
        out => this.#takeInflated(out),
        error => this.refuse(refusalOfError(error))
      )
    } catch (error) {
      this.refuse(refusalOfError(error))
    }
  }

  #takeInflated(message: Buffer): void {
    const full = this.#options.door.charge(message.length, this.#held)
    if (full !== undefined) return this.refuse(full)
    this.#held += message.length
    this.#take(message)
  }

  #take(message: Buffer): void {
    this.#options.door.take(this.signal, message).then(
      answer => this.#answer(answer),
      error => this.refuse(refusalOfError(error))
    )
  }

  #answer(answer: Answer): void {
    const refusal = refusalOf(answer)
    if (refusal !== undefined) return this.refuse(refusal)
    const { door } = this.#options
    const { rejected, message } = answer as Extract<Answer, { kind: 'accepted' }>
    door.release(this.#held)
    door.count.requests(1, 'grpc')
    sendAccepted(this.stream, rejected, message)
  }
}

function tooLarge(limit: number): string {
  return `The message is larger than the limit of ${limit} bytes (counted after decompression).`
}
