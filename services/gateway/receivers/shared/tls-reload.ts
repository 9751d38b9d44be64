// New certificates for a server that listens: read again at `tls.reload_interval`, used for connections that begin afterwards.

import type { SecureContextOptions } from 'node:tls'
import { serverTls, type TlsServerConfig } from '../../../../core/net/tls.js'
import type { Door } from './door.js'

/** What a TLS server of node:https and of node:http2 can both do. */
export interface SecureServer {
  setSecureContext(context: SecureContextOptions): void
}

export class TlsReload {
  readonly #door: Door
  readonly #where: string
  #timer: { cancel(): void } | undefined

  /** `where`: config path of the protocol, for error texts. */
  constructor(door: Door, where: string) {
    this.#door = door
    this.#where = where
  }

  /** From now on the files of `tls` count for `server`, those of an earlier call no more. */
  watch(server: SecureServer, tls: TlsServerConfig | undefined): void {
    this.stop()
    if (tls?.reload_interval === undefined) return
    this.#timer = this.#door.clock.after(tls.reload_interval, () => {
      this.watch(server, tls)
      serverTls(tls, `${this.#where}.tls`).then(
        context => server.setSecureContext(context),
        // A file that cannot be used leaves the old certificate in place.
        error => this.#door.log.error({ code: error.code }, error.message)
      )
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
