// Finds the offending items of a refused request: halves it until what is refused stands alone. Widths first, so that
// one bad item of many costs about two requests a halving and the good ones are delivered early.
//
// Two bounds keep a back end that refuses everything from being asked thousands of times: FRUITLESS refusals in a row
// (four halvings of everything) without one delivery mean that the data is not the reason, and BUDGET requests in all.
// What is left then is set aside in the pieces reached.

import type { Batch } from '../component/batch.js'
import type { Outcome } from '../component/outcome.js'
import { bisect, splitRequest } from '../otlp/batches.js'
import type { Signal } from '../otlp/signal.js'
import type { ParkReason } from './ledger.js'

const FRUITLESS = 30
const BUDGET = 512
/** "Too large" said of less than this is about something else (a quota), and nothing is learnt from it. */
const SMALL = 64 * 1024

export interface Piece {
  readonly bytes: Buffer
  readonly items: number
  /** The back end's words when it (or what it is a half of) was refused. */
  readonly words: string
  readonly reason: ParkReason
}

export interface Division {
  delivered: number
  rejected: number
  /** Set aside for a person. */
  readonly dead: Piece[]
  /** To be tried again later. */
  readonly later: Piece[]
}

export interface DivideOptions {
  readonly signal: Signal
  readonly maxBytes: number
  /** One attempt; never rejects. */
  readonly send: (batch: Batch) => Promise<Outcome>
  /** False when nothing may be sent now (stopping, breaker open): the rest is for later. */
  readonly maySend: () => boolean
  readonly words: (cause: Error) => string
}

/** The halves of a refused request; undefined when it is one item. */
export function halve(signal: Signal, bytes: Buffer, words: string, reason: ParkReason): Piece[] | undefined {
  return bisect(signal, bytes)?.map(half => ({ ...half, words, reason }))
}

/** Cuts a request that is larger than the exporter's limits. */
export function cut(signal: Signal, bytes: Buffer, limit: { maxItems: number; maxBytes: number }): Piece[] {
  const words = `larger than the exporter's limit of ${limit.maxBytes} bytes`
  return splitRequest(signal, bytes, limit).map(part => ({ ...part, words, reason: 'too_large' as const }))
}

/** Sends the pieces one after the other, halving what is refused. */
export async function divide(pieces: readonly Piece[], options: DivideOptions): Promise<Division> {
  const result: Division = { delivered: 0, rejected: 0, dead: [], later: [] }
  const queue = [...pieces]
  let [fruitless, requests, ceiling] = [0, 0, options.maxBytes + 1]
  for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) {
    if (piece.bytes.length >= ceiling) {
      const halves = halve(options.signal, piece.bytes, piece.words, 'too_large')
      if (halves) queue.unshift(...halves)
      else result.dead.push({ ...piece, reason: 'too_large' })
      continue
    }
    if (!options.maySend()) {
      result.later.push(piece)
      continue
    }
    if (fruitless >= FRUITLESS || requests >= BUDGET) {
      result.dead.push(piece)
      continue
    }
    requests++
    const outcome = await options.send({ signal: options.signal, bytes: piece.bytes, items: piece.items })
    if (outcome.kind === 'delivered') {
      fruitless = 0
      result.rejected += Math.min(outcome.rejected ?? 0, piece.items)
      result.delivered += piece.items - Math.min(outcome.rejected ?? 0, piece.items)
    } else if (outcome.kind === 'retry') result.later.push(piece)
    else {
      if (outcome.tooLarge && piece.bytes.length > SMALL) ceiling = Math.min(ceiling, piece.bytes.length)
      else fruitless++
      const words = options.words(outcome.cause)
      const reason = outcome.tooLarge ? 'too_large' : 'refused'
      const halves = outcome.whole ? undefined : halve(options.signal, piece.bytes, words, reason)
      if (halves) queue.push(...halves)
      else result.dead.push({ ...piece, words, reason })
    }
  }
  return result
}
