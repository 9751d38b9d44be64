// One request on its way: where it came from, how often it was tried. Its bytes are held only while it is in flight;
// while it waits to be tried again the positions are enough.

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

/** The request's bytes, read again when they were let go; undefined when the store no longer has all of them. */
export function requestBytes(shipment: Shipment, log: Log, parking: Parking): Buffer | undefined {
  const buffers = shipment.buffers ?? reload(shipment, log, parking)
  if (buffers === undefined) return undefined
  return buffers.length === 1 ? buffers[0] : mergeRequests(shipment.signal, buffers)
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
