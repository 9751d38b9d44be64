// One OTLP/HTTP request after its headers: body -> inflate -> protobuf -> intake -> answer.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Refusal } from '../../../../core/net/answers.js'
import { inflate, isIdentity } from '../../../../core/net/compression.js'
import type { Signal } from '../../../../core/otlp/signal.js'
import type { Answer } from '../../../../core/pipeline/intake.js'
import { type Door, type Kind, refusalOf, refusalOfError } from '../shared/door.js'
import type { BodyEnd } from './body.js'
import { type Encoding, sendAccepted, sendEarlyRefusal, sendRefusal } from './reply.js'

/** Turns an OTLP JSON request into protobuf bytes; throws an error with code OTLP_JSON. */
export type JsonToProtobuf = (signal: Signal, text: Buffer) => Buffer

/** What all requests of one path share. */
export interface Route {
  readonly signal: Signal
  readonly door: Door
  /** Most bytes of a body, before and after decompression. */
  readonly limit: number
  readonly jsonToProtobuf: JsonToProtobuf
}

export class Exchange implements BodyEnd {
  readonly #route: Route
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #encoding: Encoding
  readonly #compression: string | undefined
  readonly #kind: Kind
  /** Bytes charged to the door until the answer is out. */
  #held = 0

  constructor(
    route: Route,
    request: IncomingMessage,
    response: ServerResponse,
    encoding: Encoding,
    compression: string | undefined
  ) {
    this.#route = route
    this.#request = request
    this.#response = response
    this.#encoding = encoding
    this.#compression = compression
    this.#kind = encoding === 'json' ? 'http_json' : 'http_protobuf'
  }

  done(body: Buffer): void {
    this.#held = body.length
    this.#route.door.count.bytes(body.length, this.#kind)
    if (isIdentity(this.#compression)) return this.#take(body)
    try {
      const inflated = inflate(this.#compression as string, body, this.#route.limit)
      if (Buffer.isBuffer(inflated)) return this.#takeInflated(inflated)
      inflated.then(
        out => this.#takeInflated(out),
        error => this.#refuse(refusalOfError(error))
      )
    } catch (error) {
      this.#refuse(refusalOfError(error))
    }
  }

  refused(refusal: Refusal): void {
    this.#route.door.refused(refusal.cause)
    sendEarlyRefusal(this.#request, this.#response, refusal, this.#encoding)
  }

  aborted(): void {
    this.#route.door.count.aborted(1, this.#kind)
  }

  #takeInflated(body: Buffer): void {
    const full = this.#route.door.charge(body.length, this.#held)
    if (full !== undefined) return this.#refuse(full)
    this.#held += body.length
    this.#take(body)
  }

  #take(body: Buffer): void {
    const { signal, door, jsonToProtobuf } = this.#route
    let bytes = body
    if (this.#encoding === 'json') {
      try {
        bytes = jsonToProtobuf(signal, body)
      } catch (error) {
        return this.#refuse(refusalOfError(error))
      }
    }
    door.take(signal, bytes).then(
      answer => this.#answer(answer),
      error => this.#refuse(refusalOfError(error))
    )
  }

  #answer(answer: Answer): void {
    const refusal = refusalOf(answer)
    if (refusal !== undefined) return this.#refuse(refusal)
    const { door, signal } = this.#route
    const { rejected, message } = answer as Extract<Answer, { kind: 'accepted' }>
    door.release(this.#held)
    door.count.requests(1, this.#kind)
    sendAccepted(this.#response, signal, this.#encoding, rejected, message)
  }

  #refuse(refusal: Refusal): void {
    const { door } = this.#route
    door.release(this.#held)
    door.refused(refusal.cause)
    sendRefusal(this.#response, refusal, this.#encoding)
  }
}
