// Parking: what delivery set aside - until a time (retry later) or for a person (dead letters).
//
// Where processes share a store, a payload belongs to a part of the log: who has that part delivers, lists and removes it, and
// what anybody else wants to write is refused (QUEUE_MOVED).
//
// Invariants: K1 a parked payload survives crashes once `park` resolved; K2 `due` hands each one out until it is
// removed or parked anew (at least once); K3 dead letters stay until redriven, purged or older than the retention.

export interface Parked {
  readonly id: string
  /** The exporter it belongs to. */
  readonly exporter: string
  readonly stream: string
  readonly items: number
  readonly bytes: Buffer
  /** Length of `bytes`, known without reading them. */
  readonly size: number
  /** Tries so far. */
  readonly attempts: number
  /** Milliseconds since the epoch: first accepted, parked, next try (0 for a dead letter). */
  readonly acceptedAt: number
  readonly parkedAt: number
  readonly dueAt: number
  /** The part of the log it came from and goes with (`StoredEntry.part`); settle it as entries of that part. Absent: no parts. */
  readonly part?: number | undefined
  /** Why, in words that hold no telemetry value; at most 1 KiB. */
  readonly reason: string
  readonly dead: boolean
}

export type ToPark = Omit<Parked, 'id' | 'parkedAt' | 'size'>

export interface ParkingStatus {
  readonly exporter: string
  readonly retrying: number
  readonly retryingItems: number
  readonly dead: number
  readonly deadItems: number
  /** Payload bytes of dead letters. */
  readonly deadBytes: number
  /** Of all. */
  readonly bytes: number
}

/** A payload that was damaged and set aside: it is parked no longer. */
export interface ParkingDamage {
  readonly id: string
  readonly exporter: string
  readonly stream: string
  readonly items: number
  readonly dead: boolean
  readonly why: string
}

export interface Parking {
  start(): Promise<void>
  park(what: ToPark): Promise<string>
  /** Retries of an exporter whose time has come, oldest first. */
  due(exporter: string, now: number, max: number): readonly Parked[]
  /** Dead letters, oldest first, behind `afterId`. */
  dead(exporter: string, afterId: string | undefined, max: number): readonly Parked[]
  get(id: string): Parked | undefined
  /** Whether the payload is at hand; if not it is being fetched, and its `bytes` throw QUEUE_FETCHING. Absent: always. */
  ready?(id: string): boolean
  remove(ids: readonly string[]): Promise<void>
  status(): readonly ParkingStatus[]
  /** Removes dead letters parked before `before`; how many. */
  expire(before: number): Promise<number>
  /** Told of each damaged payload, where a store can find one. */
  onDamage?(fn: (what: ParkingDamage) => void): void
  /** Told of payloads of another process that came to this one, where processes share a store: it can commit nothing of them now. */
  onGained?(fn: (ids: readonly string[]) => void): void
  /** As `scrub` of the log: what was removed and parked before `before` leaves the store. Absent: removed is gone. */
  scrub?(before: number): Promise<void>
  stop(): Promise<void>
}
