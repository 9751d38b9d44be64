// One request on its way: where it came from, how often it was tried. Its bytes are held only while it is in flight;
// while it waits to be tried again the positions are enough.

import type { Batch } from '../component/batch.js'
import { mergeRequests } from '../otlp/batches.js'
import type { Signal } from '../otlp/signal.js'
import type { Log } from '../queue/log.js'
import type { Parked, Parking } from '../queue/parking.js'
import type { Group } from './reader.js'

export interface Shipment {
  readonly stream: string
  readonly signal: Signal
  /** Positions in the log; empty when it comes from parking. */
  readonly positions: readonly number[]
  /** Part of the log it came from (`StoredEntry.part`). */
  readonly part: number | undefined
  /** Id in parking, when it comes from there. */
  readonly parkedId: string | undefined
  readonly items: number
  readonly size: number
  readonly acceptedAt: number
  buffers: readonly Buffer[] | undefined
  /** 0 until tried. */
  firstTryAt: number
  attempts: number
  /** Next try, milliseconds since the epoch. */
  dueAt: number
}

export function fromGroup(group: Group): Shipment {
  return {
    stream: group.stream,
    signal: group.signal,
    positions: group.positions,
    part: group.part,
    parkedId: undefined,
    items: group.items,
    size: group.bytes,
    acceptedAt: group.oldestAt,
    buffers: group.buffers,
    firstTryAt: 0,
    attempts: 0,
    dueAt: 0
  }
}

export function fromParked(parked: Parked): Shipment {
  return {
    stream: parked.stream,
    signal: parked.stream.split('/', 1)[0] as Signal,
    positions: [],
    part: parked.part,
    parkedId: parked.id,
    items: parked.items,
    size: parked.bytes.length,
    acceptedAt: parked.acceptedAt,
    buffers: [parked.bytes],
    firstTryAt: parked.attempts > 0 ? parked.parkedAt : 0,
    attempts: parked.attempts,
    dueAt: 0
  }
}

/** A request of several entries; the bytes are put together only for who asks for them. */
export class MergedBatch implements Batch {
  readonly signal: Signal
  readonly items: number
  readonly parts: readonly Buffer[]
  #bytes: Buffer | undefined

  constructor(signal: Signal, parts: readonly Buffer[], items: number) {
    this.signal = signal
    this.parts = parts
    this.items = items
  }

  get bytes(): Buffer {
    this.#bytes ??= mergeRequests(this.signal, this.parts)
    return this.#bytes
  }
}

/** The request, read again when its bytes were let go; undefined when the store no longer has all of them. */
export function batchOf(shipment: Shipment, log: Log, parking: Parking): Batch | undefined {
  const { signal, items } = shipment
  const buffers = shipment.buffers ?? reload(shipment, log, parking)
  if (buffers === undefined) return undefined
  return buffers.length === 1 ? { signal, items, bytes: buffers[0]! } : new MergedBatch(signal, buffers, items)
}

function reload(shipment: Shipment, log: Log, parking: Parking): readonly Buffer[] | undefined {
  if (shipment.parkedId !== undefined) {
    const parked = parking.get(shipment.parkedId)
    return parked && [parked.bytes]
  }
  const buffers: Buffer[] = []
  for (const position of shipment.positions) {
    const entry = log.get(position)
    if (entry === undefined) return undefined
    buffers.push(entry.bytes)
  }
  return buffers
}
