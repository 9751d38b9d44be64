// Reads one request body: at most `limit` bytes, without a second copy where the length is known, charged to the door.

import type { IncomingMessage } from 'node:http'
import type { Refusal } from '../../../../core/net/answers.js'
import type { Door } from '../shared/door.js'

/** Bodies up to this declared length get their whole buffer at once; longer ones grow as bytes really come. */
const WHOLE_BUFFER = 1024 * 1024

/** How a reading ends: exactly one of the three is called. `charged` bytes belong to the reader of `done` from then on. */
export interface BodyEnd {
  done(body: Buffer): void
  refused(refusal: Refusal): void
  aborted(): void
}

/** The declared length, or undefined for a chunked body. Node's parser has already refused anything but digits. */
export function declaredLength(request: IncomingMessage): number | undefined {
  const header = request.headers['content-length']
  if (header !== undefined) return Number(header)
  return request.headers['transfer-encoding'] === undefined ? 0 : undefined
}

/**
 * Starts reading. What it charged for is `body.length` when it ends with `done`, nothing otherwise. After `refused` the
 * rest of the body is still unread.
 */
export function readBody(request: IncomingMessage, door: Door, limit: number, end: BodyEnd): void {
  const declared = declaredLength(request)
  let whole: Buffer | undefined
  let pieces: Buffer[] | undefined
  let got = 0

  function onData(chunk: Buffer): void {
    if (got + chunk.length > limit) return stop({ cause: 'too_large', message: tooLarge(limit) })
    const full = door.charge(chunk.length, got)
    if (full !== undefined) return stop(full)
    const at = got
    got += chunk.length
    if (at === 0 && got === declared) {
      whole = chunk
    } else if (declared !== undefined && declared <= WHOLE_BUFFER) {
      whole ??= Buffer.allocUnsafeSlow(declared)
      chunk.copy(whole, at)
    } else {
      pieces ??= []
      pieces.push(chunk)
    }
  }
  function onEnd(): void {
    unlisten()
    end.done(whole ?? (pieces === undefined ? EMPTY : Buffer.concat(pieces, got)))
  }
  /** The client went away: Node reports it as an error (ECONNRESET) of the message. */
  function onError(): void {
    unlisten()
    door.release(got)
    end.aborted()
  }
  function stop(refusal: Refusal): void {
    unlisten()
    door.release(got)
    end.refused(refusal)
  }
  function unlisten(): void {
    request.removeListener('data', onData)
    request.removeListener('end', onEnd)
    request.removeListener('error', onError)
    request.on('error', ignore)
  }
  request.on('data', onData)
  request.on('end', onEnd)
  request.on('error', onError)
}

export function tooLarge(limit: number): string {
  return `The request is larger than the limit of ${limit} bytes (counted after decompression).`
}

const EMPTY = Buffer.alloc(0)

/** A request that is already answered may still break off; nobody needs to hear of it. */
export function ignore(): void {}
