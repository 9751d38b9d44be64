// Secrets and certificates of an exporter that live in files are read again while it runs: header values that come from
// `${file:...}`, and the files of `tls`. What cannot be read or used changes nothing and is told; it is tried again each time.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { validateHeaderValue } from 'node:http'
import type { Clock, Log } from '../component/context.js'
import { catalogue, codeOf } from '../component/errors.js'
import { duration } from '../config/fields.js'
import { type HeadersConfig, hasSources, reread } from './client-headers.js'
import type { TlsClientConfig } from './tls.js'

export const reloadErrors = catalogue({
  HEADER_UNUSABLE: (where: string, name: string, why: string) =>
    `${where}.headers.${name}: its new value cannot be used (${why}); the one before stays. Check the file it comes from.`
})

/** `reload_interval` of an exporter. */
export const reloadInterval = duration({
  default: '30s',
  description:
    'How often header values from `${file:...}` and the files of `tls` are looked at; new ones are used without a restart. 0s: never.'
})

export interface ReloadOptions {
  readonly headers: HeadersConfig
  readonly tls?: TlsClientConfig | undefined
  /** Milliseconds; 0 and undefined: never. */
  readonly everyMs: number | undefined
  /** Config path of the exporter, for error texts. */
  readonly where: string
  readonly clock: Clock
  /** Left out: nothing is told. */
  readonly log?: Log | undefined
  /** Takes headers of which one has changed, names in lower case. */
  readonly onHeaders: (plain: Record<string, string>) => void
  /** Connects anew with files that have changed. When it throws the connections must be as before. */
  readonly onTls: () => Promise<void>
}

export class ClientReload {
  readonly #o: ReloadOptions
  readonly #files: readonly string[]
  #headers = ''
  #fingerprint = ''
  #timer: { cancel(): void } | undefined
  #isStopped = false
  /** The last look, for tests and for `stop`. */
  looked: Promise<void> = Promise.resolve()

  constructor(options: ReloadOptions) {
    this.#o = options
    const { ca_file, cert_file, key_file } = options.tls ?? {}
    this.#files = [ca_file, cert_file, key_file].filter(file => file !== undefined)
  }

  /** After everything was read for the first time. */
  async start(): Promise<void> {
    const { headers, everyMs } = this.#o
    if (everyMs === undefined || everyMs === 0 || (this.#files.length === 0 && !hasSources(headers))) return
    this.#headers = JSON.stringify(reread(headers))
    this.#fingerprint = await this.#read()
    this.#schedule(everyMs)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.looked
  }

  #schedule(everyMs: number): void {
    if (this.#isStopped) return
    this.#timer = this.#o.clock.after(everyMs, () => {
      this.looked = this.#look().finally(() => this.#schedule(everyMs))
    })
  }

  async #look(): Promise<void> {
    try {
      this.#lookAtHeaders()
      await this.#lookAtFiles()
    } catch (error) {
      this.#o.log?.error({ code: codeOf(error) }, error instanceof Error ? error.message : String(error))
    }
  }

  #lookAtHeaders(): void {
    const { headers, where, onHeaders, log } = this.#o
    if (!hasSources(headers)) return
    const plain = reread(headers)
    const text = JSON.stringify(plain)
    if (text === this.#headers) return
    for (const [name, value] of Object.entries(plain)) {
      try {
        if (value === '') throw new TypeError('empty')
        validateHeaderValue(name, value)
      } catch (error) {
        const why = value === '' ? 'empty' : codeOf(error)
        throw reloadErrors.HEADER_UNUSABLE(where, name, why)
      }
    }
    onHeaders(plain)
    this.#headers = text
    log?.info({}, 'headers with new secrets are in use')
  }

  async #lookAtFiles(): Promise<void> {
    if (this.#files.length === 0) return
    const fingerprint = await this.#read()
    if (fingerprint === this.#fingerprint || this.#isStopped) return
    await this.#o.onTls()
    this.#fingerprint = fingerprint
    this.#o.log?.info({}, 'new certificates are in use')
  }

  /** Of all files together. One that cannot be read is told by `onTls`, which reads them too. */
  async #read(): Promise<string> {
    const hash = createHash('sha256')
    for (const file of this.#files) hash.update(await readFile(file).catch(error => codeOf(error))).update('\n')
    return hash.digest('hex')
  }
}
