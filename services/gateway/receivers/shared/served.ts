// What both transports' servers can do, and how one goes over to other settings while it serves.

import { receiverErrors } from './endpoint.js'

/** A listening server of one protocol. */
export interface Served<C> {
  /** What it runs with now. */
  readonly config: C
  /** @throws RECEIVER_*, TLS_* */
  start(): Promise<void>
  stop(limitMs: number): Promise<void>
  /** Makes ready for other settings on the same socket; the function goes over to them. @throws TLS_* */
  prepare(config: C): Promise<() => void>
}

/** A change that is ready to be made. */
export interface Change<S> {
  /** The server afterwards. */
  readonly next: S | undefined
  /** Goes over; cannot fail. */
  commit(): void
  /** Instead of `commit`: closes what was opened for it. Safe after `commit`, then it does nothing. */
  abort(): Promise<void>
  /** After `commit`: ends what was replaced; requests under way finish. */
  finish(limitMs: number): Promise<void>
}

interface Settings {
  readonly endpoint: string
  readonly tls?: { readonly client_ca_file?: string; readonly client_ca_pem?: string }
}

/**
 * Makes ready what leads from `current` to `wanted`. The same address: the server stays and no connection notices. Another
 * one: the new server listens before the old one stops.
 * @param key the endpoint's config path, for error texts. @throws RECEIVER_*, TLS_*; nothing has changed then.
 */
export async function changeTo<C extends Settings, S extends Served<C>>(
  current: S | undefined,
  wanted: C | undefined,
  make: (config: C) => S,
  key: string
): Promise<Change<S>> {
  if (wanted === undefined) return change(undefined, current)
  if (current?.config.endpoint === wanted.endpoint) {
    if (kindOf(current.config) !== kindOf(wanted)) throw receiverErrors.RECEIVER_TLS_SWITCH(key)
    return { ...change(current, undefined), commit: await current.prepare(wanted) }
  }
  const next = make(wanted)
  await next.start()
  let isKept = false
  return {
    ...change(next, current),
    commit: () => {
      isKept = true
    },
    abort: async () => {
      if (!isKept) await next.stop(0)
    }
  }
}

function change<S extends { stop(limitMs: number): Promise<void> }>(
  next: S | undefined,
  old: S | undefined
): Change<S> {
  return { next, commit() {}, abort: async () => {}, finish: async limitMs => old?.stop(limitMs) }
}

/** What a socket's server cannot change: plain text, TLS, TLS that demands a certificate. */
function kindOf({ tls }: Settings): string {
  if (tls === undefined) return 'plain'
  return tls.client_ca_file === undefined && tls.client_ca_pem === undefined ? 'tls' : 'mtls'
}
