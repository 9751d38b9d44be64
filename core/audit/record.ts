// One line of the audit trail and how lines hold together.
//
//   {"seq":7,"at":"2026-11-26T10:00:00.000Z","action":"config.reload",...,"prev":"<hash of line 6>","hash":"<own>"}
//
// `hash` is the SHA-256 of the line's own text without its last member (`,"hash":"..."`), `prev` that of the line before:
// a line that is changed, taken out, put in or moved shows at that place. Plain text and a plain hash, so that anybody can
// check it with other tools:  sed 's/,"hash":"[0-9a-f]*"}$/}/' | sha256sum  of one line without its line end.

import { createHash } from 'node:crypto'

/** `prev` of the first record there ever was. */
export const GENESIS = '0'.repeat(64)

/** Who did it, as far as can be known. */
export interface Who {
  readonly via: 'start' | 'signal' | 'admin' | 'watch' | 'timer' | 'cli'
  /** User of the operating system that the process runs as; for `cli` the one who called. */
  readonly user?: string
  /** Address that an admin request came from. */
  readonly address?: string
  /** What the caller says of himself; not proven. */
  readonly claims?: string
  /** The admin request carried the admin token. */
  readonly token?: boolean
}

/** What happened. Names, counts and codes; never a telemetry value, never a secret. */
export interface AuditEvent {
  /** From a fixed list, see docs/compliance.md. */
  readonly action: string
  readonly who: Who
  readonly [detail: string]: unknown
}

export interface AuditRecord extends AuditEvent {
  readonly seq: number
  /** ISO 8601, UTC. */
  readonly at: string
  readonly prev: string
  readonly hash: string
}

/** The end of a trail: what must be kept elsewhere to notice that lines are missing at the end. */
export interface Head {
  readonly seq: number
  readonly hash: string
}

const HASH = /,"hash":"([0-9a-f]{64})"\}$/

/** The line of a record, without its line end, and its hash. */
export function seal(event: AuditEvent, seq: number, at: string, prev: string): { line: string; hash: string } {
  const text = JSON.stringify({ seq, at, ...event, prev })
  const hash = digest(text)
  return { line: `${text.slice(0, -1)},"hash":"${hash}"}`, hash }
}

/** Reads a line; undefined when it is none or its own hash does not fit. */
export function unseal(line: string): AuditRecord | undefined {
  const found = HASH.exec(line)
  if (found === null || digest(line.replace(HASH, '}')) !== found[1]) return undefined
  try {
    return JSON.parse(line) as AuditRecord
  } catch {
    return undefined
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
