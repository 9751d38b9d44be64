// One client connection over time: sign of life, age, idleness, and the goodbye (GOAWAY) that loses no call.

import type { ServerHttp2Session } from 'node:http2'
import type { GrpcConfig } from './config.js'

type Keepalive = GrpcConfig['keepalive']['server_parameters']

/** A client that has not even sent its preface and settings after this time is let go. */
const PREFACE_MS = 10_000

/** Driven by the server's sweep: `look(now)` does whatever is due. */
export class Connection {
  readonly session: ServerHttp2Session
  readonly #keepalive: Keepalive
  readonly #since: number
  readonly #maxAgeAt: number
  #lastActive: number
  #hasPreface = false
  #calls = 0
  #pingSentAt: number | undefined
  #closingSince: number | undefined

  /** @param chance 0 to 1: spreads ages by ±10 % so that clients do not all come back at once. */
  constructor(session: ServerHttp2Session, keepalive: Keepalive, now: number, chance: number) {
    this.session = session
    this.#keepalive = keepalive
    this.#since = now
    this.#lastActive = now
    const age = keepalive.max_connection_age
    this.#maxAgeAt = age === undefined ? Number.POSITIVE_INFINITY : now + age * (0.9 + 0.2 * chance)
  }

  hasPreface(): void {
    this.#hasPreface = true
  }

  callStarted(now: number): void {
    this.#calls++
    this.#lastActive = now
  }

  callEnded(now: number): void {
    this.#calls--
    this.#lastActive = now
  }

  /** Says GOAWAY; calls under way finish, then the connection closes. */
  close(now: number): void {
    if (this.#closingSince !== undefined || this.session.destroyed) return
    this.#closingSince = now
    this.session.close()
  }

  look(now: number): void {
    if (this.session.destroyed) return
    if (!this.#hasPreface && now - this.#since > PREFACE_MS) return this.session.destroy()
    if (this.#closingSince !== undefined) return this.#lookClosing(now, this.#closingSince)
    const { max_connection_idle: maxIdle } = this.#keepalive
    const isIdle = maxIdle !== undefined && this.#calls === 0 && now - this.#lastActive > maxIdle
    if (isIdle || now >= this.#maxAgeAt) return this.close(now)
    this.#lookAlive(now)
  }

  #lookClosing(now: number, since: number): void {
    const grace = this.#keepalive.max_connection_age_grace
    if (grace !== undefined && now - since > grace) this.session.destroy()
  }

  #lookAlive(now: number): void {
    const { time, timeout } = this.#keepalive
    if (this.#pingSentAt !== undefined) {
      if (now - this.#pingSentAt > timeout) this.session.destroy()
      return
    }
    if (now - this.#lastActive < time) return
    this.#pingSentAt = now
    this.session.ping(error => {
      this.#pingSentAt = undefined
      if (error === null) this.#lastActive = now
    })
  }
}
