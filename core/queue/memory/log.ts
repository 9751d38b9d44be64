// The log in memory, for tests and `queue: {type: memory}`: same promises except that nothing survives the process.
import { AppendListeners } from '../append-listeners.js'
import { Book, type Chunk } from '../book.js'
import { queueErrors } from '../errors.js'
import type { Commit, Log, LogStatus, StoredEntry } from '../log.js'

export interface MemoryLogOptions {
  /** Payload bytes held at most; more is refused with QUEUE_FULL. */
  readonly maxBytes: number
  readonly now?: () => number
}

const CHUNK_ENTRIES = 4096

export class MemoryLog implements Log {
  readonly #maxBytes: number
  readonly #now: () => number
  readonly #payloads = new Map<number, Buffer>()
  readonly #book = new Book(position => this.#payloads.delete(position))
  readonly #listeners = new AppendListeners()
  #open = false

  constructor(options: MemoryLogOptions) {
    this.#maxBytes = options.maxBytes
    this.#now = options.now ?? Date.now
  }

  async start(): Promise<void> {
    if (this.#book.chunks.length === 0) this.#book.chunk()
    this.#open = true
  }

  async cursors(readers: ReadonlyMap<string, readonly string[]>): Promise<void> {
    this.#checkOpen()
    this.#book.add(this.#book.declare(readers))
  }

  async commit(commit: Commit): Promise<readonly number[]> {
    this.#checkOpen()
    const appends = commit.appends ?? []
    const bytes = appends.reduce((sum, entry) => sum + entry.bytes.length, 0)
    const held = this.#book.heldBytes
    if (bytes > 0 && held + bytes > this.#maxBytes) throw queueErrors.QUEUE_FULL(held, bytes, this.#maxBytes)
    for (const { stream } of appends) {
      if (Buffer.byteLength(stream) > 255) {
        throw queueErrors.QUEUE_BAD_ENTRY('its stream name is longer than 255 bytes')
      }
    }
    this.#apply(commit)
    const first = this.#book.next
    const time = this.#now()
    for (const entry of appends) this.#append(entry.stream, entry.items, entry.bytes, time)
    if (appends.length > 0) this.#listeners.tell()
    return appends.map((_, i) => first + i)
  }

  read(
    cursor: string,
    after: number,
    limit: { readonly maxItems: number; readonly maxBytes: number }
  ): readonly StoredEntry[] {
    this.#checkOpen()
    const found: StoredEntry[] = []
    let items = 0
    let bytes = 0
    this.#book.waiting(cursor, after, (chunk, i) => {
      items += chunk.items[i]!
      bytes += chunk.bytes[i]!
      if (found.length > 0 && (items > limit.maxItems || bytes > limit.maxBytes)) return false
      found.push(this.#entry(chunk, i))
      return items < limit.maxItems && bytes < limit.maxBytes
    })
    return found
  }

  get(position: number): StoredEntry | undefined {
    this.#checkOpen()
    const chunk = this.#book.find(position)
    if (chunk === undefined || chunk.gone[position - chunk.first] === 1) return undefined
    return this.#entry(chunk, position - chunk.first)
  }

  onAppend(fn: () => void): () => void {
    return this.#listeners.add(fn)
  }

  hold(name: string, position: number): void {
    this.#book.hold(name, position)
  }

  counts(): ReadonlyMap<string, number> {
    return new Map(this.#book.counts)
  }

  state(key: string): Buffer | undefined {
    return this.#book.state.get(key)
  }

  status(): LogStatus {
    return {
      bytes: this.#book.heldBytes,
      maxBytes: this.#maxBytes,
      entries: this.#book.heldEntries,
      cursors: this.#book.cursors(),
      damagedEntries: 0
    }
  }

  /** Memory does not get damaged. */
  onDamage(): void {}

  async stop(): Promise<void> {
    this.#open = false
  }

  #apply({ acks, counts, state }: Commit): void {
    for (const { cursor, positions } of acks ?? []) for (const position of positions) this.#book.ack(cursor, position)
    this.#book.add(counts)
    this.#book.put(state)
  }

  #append(stream: string, items: number, bytes: Buffer, time: number): void {
    if (this.#book.chunks.at(-1)!.count >= CHUNK_ENTRIES) this.#newChunk()
    const position = this.#book.next
    if (this.#book.append(stream, items, bytes.length, 0, 0, time)) this.#payloads.set(position, bytes)
  }

  #newChunk(): void {
    for (const chunk of this.#book.chunks.filter(({ liveEntries }) => liveEntries === 0)) this.#book.drop(chunk)
    this.#book.chunk()
  }

  #entry(chunk: Chunk, i: number): StoredEntry {
    const position = chunk.first + i
    return {
      position,
      stream: this.#book.streamOf(chunk, i),
      items: chunk.items[i]!,
      bytes: this.#payloads.get(position)!,
      appendedAt: chunk.time[i]!
    }
  }

  #checkOpen(): void {
    if (!this.#open) throw queueErrors.QUEUE_CLOSED()
  }
}
