// TLS settings of receivers and exporters, with the Collector's keys, and what Node's servers and clients need of them.

import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type ConnectionOptions, createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls'
import Type, { type Static } from 'typebox'
import { catalogue } from '../component/errors.js'
import { duration, secret } from '../config/fields.js'

export const tlsErrors = catalogue({
  TLS_FILE_UNREADABLE: (key: string, file: string, why: string) =>
    `${key}: cannot read ${file} (${why}). Check the path and that this user may read it.`,
  TLS_INCOMPLETE: (where: string) =>
    `${where}: a certificate and its key belong together: set cert_file and key_file (or cert_pem and key_pem).`,
  TLS_INVALID: (where: string, why: string) =>
    `${where}: the certificate, key or CA cannot be used (${why}). Check that they are PEM and that the key fits the certificate.`,
  TLS_VERSIONS: (where: string) => `${where}: min_version is above max_version.`
})

const version = (about: string, fallback?: string) =>
  Type.Union([Type.Literal('1.2'), Type.Literal('1.3')], {
    description: about,
    ...(fallback === undefined ? {} : { default: fallback })
  })

const common = {
  ca_file: Type.Optional(Type.String({ description: 'PEM file of the authorities to trust. Default: the system’s.' })),
  ca_pem: Type.Optional(Type.String({ description: 'The same as text.' })),
  cert_file: Type.Optional(Type.String({ description: 'PEM file of our certificate (chain).' })),
  cert_pem: Type.Optional(Type.String({ description: 'The same as text.' })),
  key_file: Type.Optional(Type.String({ description: 'PEM file of our private key.' })),
  key_pem: Type.Optional(
    secret({ description: 'The same as text; better from an environment variable than written out.' })
  ),
  max_version: Type.Optional(version('Highest TLS version.')),
  cipher_suites: Type.Optional(Type.Array(Type.String(), { description: 'Allowed cipher suites, OpenSSL names.' }))
}

/** `tls` of a receiver. Without it the port speaks plain text. */
export const tlsServerSchema = Type.Object(
  {
    ...common,
    min_version: version('Lowest TLS version.', '1.2'),
    client_ca_file: Type.Optional(
      Type.String({ description: 'PEM file of the authorities of client certificates. Setting it demands one (mTLS).' })
    ),
    client_ca_pem: Type.Optional(Type.String({ description: 'The same as text.' })),
    reload_interval: Type.Optional(
      duration({ description: 'Read the files again this often. Default: never.', examples: ['1h'] })
    )
  },
  { additionalProperties: false }
)

/** `tls` of an exporter. */
export const tlsClientSchema = Type.Object(
  {
    ...common,
    min_version: version('Lowest TLS version.', '1.3'),
    insecure: Type.Boolean({ default: false, description: 'Plain text instead of TLS.' }),
    insecure_skip_verify: Type.Boolean({ default: false, description: 'Accept any certificate. For tests.' }),
    server_name_override: Type.Optional(Type.String({ description: 'Name to ask for (SNI) and to verify.' })),
    include_system_ca_certs_pool: Type.Boolean({
      default: false,
      description: 'Trust the system’s authorities besides ca_file.'
    })
  },
  { additionalProperties: false }
)

export type TlsServerConfig = Static<typeof tlsServerSchema>
export type TlsClientConfig = Static<typeof tlsClientSchema>

/**
 * Options for `https.createServer`, `http2.createSecureServer` and `setSecureContext`. Reads the files.
 * @param where config path, for error texts.
 * @throws TLS_FILE_UNREADABLE, TLS_INCOMPLETE, TLS_INVALID, TLS_VERSIONS
 */
export async function serverTls(config: TlsServerConfig, where: string): Promise<TlsOptions> {
  const context = await secureContext(config, where)
  if (context.cert === undefined) throw tlsErrors.TLS_INCOMPLETE(where)
  const clientCa = await pem(config.client_ca_pem, config.client_ca_file, `${where}.client_ca_file`)
  if (clientCa === undefined) return checked(context, where)
  return { ...checked({ ...context, ca: clientCa }, where), requestCert: true, rejectUnauthorized: true }
}

/**
 * Options for `tls.connect` (undici `connect`, `http2.connect`). Reads the files. Whether TLS is used at all
 * (`insecure`, loopback) is the caller's decision.
 * @throws TLS_FILE_UNREADABLE, TLS_INCOMPLETE, TLS_INVALID, TLS_VERSIONS
 */
export async function clientTls(config: TlsClientConfig, where: string): Promise<ConnectionOptions> {
  const context = await secureContext(config, where)
  if (config.include_system_ca_certs_pool && typeof context.ca === 'string') {
    const { rootCertificates } = await import('node:tls')
    context.ca = [...rootCertificates, context.ca]
  }
  return {
    ...checked(context, where),
    rejectUnauthorized: !config.insecure_skip_verify,
    ...(config.server_name_override === undefined ? {} : { servername: config.server_name_override })
  }
}

type Common = Omit<TlsServerConfig, 'client_ca_file' | 'client_ca_pem' | 'reload_interval'>

async function secureContext(config: Common, where: string): Promise<SecureContextOptions> {
  const [ca, cert, key] = await Promise.all([
    pem(config.ca_pem, config.ca_file, `${where}.ca_file`),
    pem(config.cert_pem, config.cert_file, `${where}.cert_file`),
    pem(config.key_pem?.reveal(), config.key_file, `${where}.key_file`)
  ])
  if ((cert === undefined) !== (key === undefined)) throw tlsErrors.TLS_INCOMPLETE(where)
  if (config.min_version === '1.3' && config.max_version === '1.2') throw tlsErrors.TLS_VERSIONS(where)
  return {
    minVersion: `TLSv${config.min_version}`,
    ...(config.max_version === undefined ? {} : { maxVersion: `TLSv${config.max_version}` as const }),
    ...(config.cipher_suites === undefined ? {} : { ciphers: config.cipher_suites.join(':') }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key })
  }
}

async function pem(text: string | undefined, file: string | undefined, key: string): Promise<string | undefined> {
  if (text !== undefined) return text
  if (file === undefined) return undefined
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw tlsErrors.TLS_FILE_UNREADABLE(key, file, (error as NodeJS.ErrnoException).code ?? 'unreadable')
  }
}

/** OpenSSL finds a wrong key or broken PEM here, at start, instead of at the first handshake. Its text holds no key. */
function checked(context: SecureContextOptions, where: string): SecureContextOptions {
  try {
    createSecureContext(context)
    for (const ca of [context.ca ?? []].flat()) checkAuthorities(String(ca))
    return context
  } catch (error) {
    throw tlsErrors.TLS_INVALID(where, (error as NodeJS.ErrnoException).code ?? 'not usable')
  }
}

/** OpenSSL takes a file of authorities with none in it, and would then trust nobody. */
function checkAuthorities(text: string): void {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  if (found.length === 0) throw Object.assign(new Error('no certificate'), { code: 'NO_CERTIFICATE' })
  for (const one of found) new X509Certificate(one)
}
