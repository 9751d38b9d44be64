// The audit trail of this gateway: where it is, who acted, what the config looked like. Without a trail nothing is recorded
// and everything else works the same.

import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { auditErrors } from '../../../core/audit/errors.js'
import type { AuditEvent, Head, Who } from '../../../core/audit/record.js'
import { AuditTrail } from '../../../core/audit/trail.js'
import type { Clock, Log } from '../../../core/component/context.js'
import { codeOf } from '../../../core/component/errors.js'
import { type Difference, differences, type Fingerprints, fingerprints } from '../../../core/config/differences.js'
import type { GatewayConfig } from '../../../core/config/types.js'
import { osUser } from '../../os-user.js'

/** Details of an event beside action and actor. */
export type Details = Readonly<Record<string, unknown>>

const DEFAULT_DIR = './data/audit'
const DAY_MS = 86_400_000
const KEY = 'settings.key'
const STATE = 'settings.json'
/** Differences told in one record; a new file may differ in thousands. */
const MAX_PATHS = 200

/** The directory of the trail of a config; undefined: none is kept. */
function auditDir({ service, queue }: GatewayConfig): string | undefined {
  if (!service.audit.enabled) return undefined
  if (service.audit.path !== undefined) return service.audit.path
  if (queue.type === 'embedded') return join(queue.path, 'audit')
  return queue.type === 'redis' ? DEFAULT_DIR : undefined
}

export class Audit {
  readonly #trail: AuditTrail | undefined
  readonly #dir: string
  readonly #log: Log
  /** Nobody chose the directory: the gateway runs without a trail where it cannot be written. */
  readonly #isOptional: boolean
  #state: 'closed' | 'open' | 'away' = 'closed'

  constructor(config: GatewayConfig, log: Log, clock: Clock) {
    const { retentionMs, path } = config.service.audit
    const dir = auditDir(config)
    this.#dir = dir ?? ''
    this.#log = log
    this.#isOptional = path === undefined && config.queue.type === 'redis'
    if (dir === undefined) return
    this.#trail = new AuditTrail({ dir, now: () => clock.now(), fileMs: Math.max(DAY_MS, retentionMs / 12) })
  }

  /**
   * Opens the trail; for that the queue must be this process's, so that no other one writes to it.
   * @throws AUDIT_UNWRITABLE; only logged where the directory is nobody's choice (Redis without `service.audit.path`).
   */
  open(): void {
    try {
      this.#trail?.open(self('start'))
      this.#state = 'open'
    } catch (error) {
      if (!this.#isOptional) throw error
      this.#state = 'away'
      this.#log.warn({ code: codeOf(error) }, `no audit trail is kept: ${(error as Error).message}`)
    }
  }

  get isKept(): boolean {
    return this.#trail !== undefined && this.#state !== 'away'
  }

  get head(): Head | undefined {
    return this.#trail?.head
  }

  get failures(): number {
    return this.#trail?.failures ?? 0
  }

  /** Adds a record. @throws AUDIT_UNWRITABLE, AUDIT_SHARED */
  record(action: string, who: Who, details: Details = {}): void {
    if (this.#trail === undefined || this.#state === 'away') return
    if (this.#state === 'closed') throw auditErrors.AUDIT_UNWRITABLE(this.#dir, 'not open yet, or closed')
    const event: AuditEvent = { action, who, ...details }
    const { seq, hash } = this.#trail.append(event)
    // The same line elsewhere, in whatever collects the logs, is what a cut or rewritten trail is found with.
    this.#log.info({ action, seq, hash }, 'audit')
  }

  /** The same where nothing can be refused any more: a failure is logged. */
  note(action: string, who: Who, details: Details = {}): void {
    try {
      this.record(action, who, details)
    } catch (error) {
      this.#log.error({ code: codeOf(error), action }, `not recorded: ${(error as Error).message}`)
    }
  }

  /**
   * Does what must not be done unrecorded: its begin is recorded first, then its end.
   * @throws AUDIT_UNWRITABLE before anything was done, and what `work` throws.
   */
  async during<T>(
    action: string,
    who: Who,
    details: Details,
    work: () => Promise<T>,
    ended: (done: T) => Details
  ): Promise<T> {
    this.record(action, who, { ...details, phase: 'begun' })
    try {
      const done = await work()
      this.note(action, who, { ...ended(done), phase: 'done' })
      return done
    } catch (error) {
      this.note(action, who, { phase: 'failed', code: codeOf(error) })
      throw error
    }
  }

  /** What differs from the settings that ran last, in this run or the one before. Nothing is known at the very first. */
  changes(settings: unknown): readonly Difference[] | undefined {
    const before = this.#lastPrints()
    return before && differences(before, fingerprints(settings, this.#key()))
  }

  /** Remembers what runs now, as keyed hashes. */
  remember(settings: unknown): void {
    if (!this.isKept) return
    try {
      const path = join(this.#dir, STATE)
      const prints = JSON.stringify(Object.fromEntries(fingerprints(settings, this.#key())))
      writeFileSync(`${path}.new`, prints, { mode: 0o600, flush: true })
      renameSync(`${path}.new`, path)
    } catch (error) {
      this.#log.warn({ code: codeOf(error) }, 'the settings that run now could not be noted for the audit trail')
    }
  }

  /** Removes what is past the retention. */
  expire(before: number): void {
    try {
      if (this.isKept) this.#trail?.expire(before, self('timer'))
    } catch (error) {
      this.#log.warn({ code: codeOf(error) }, 'old audit records could not be removed; tried again in an hour')
    }
  }

  close(): void {
    this.#state = 'closed'
    this.#trail?.close()
  }

  #lastPrints(): Fingerprints | undefined {
    if (!this.isKept) return undefined
    try {
      const prints = JSON.parse(readFileSync(join(this.#dir, STATE), 'utf8')) as Record<string, string>
      return new Map(Object.entries(prints))
    } catch {
      return undefined
    }
  }

  #key(): string {
    const path = join(this.#dir, KEY)
    if (!existsSync(path)) writeFileSync(path, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' })
    return readFileSync(path, 'utf8')
  }
}

/** This process, as an actor. */
export function self(via: Who['via']): Who {
  return { via, user: osUser() }
}

/** Paths for a record, bounded. */
export function pathsOf(changes: readonly Difference[] | undefined): Details {
  if (changes === undefined) return {}
  const told = changes.slice(0, MAX_PATHS).map(({ path, kind }) => (kind === 'changed' ? path : `${path} (${kind})`))
  return { changed: told, ...(changes.length > told.length ? { more: changes.length - told.length } : {}) }
}
