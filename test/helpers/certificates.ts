// Throw-away certificates for TLS tests, made by the openssl program.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificates {
  readonly dir: string
  readonly ca: string
  readonly files: Readonly<Record<'ca' | 'serverCert' | 'serverKey' | 'clientCert' | 'clientKey', string>>
  read(file: keyof Certificates['files']): Buffer
}

/** An authority, a server certificate for localhost and 127.0.0.1, and a client certificate, in `dir`. */
export function makeCertificates(dir: string): Certificates {
  const file = (name: string) => join(dir, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test ca')
  for (const name of ['server', 'client']) {
    const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-addext', 'basicConstraints=CA:FALSE']
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-subj', `/CN=${name}`, ...names]
    openssl('req', '-x509', ...newKey, ...signed, '-keyout', `${name}.key`, '-out', `${name}.pem`)
  }
  const files = {
    ca: file('ca.pem'),
    serverCert: file('server.pem'),
    serverKey: file('server.key'),
    clientCert: file('client.pem'),
    clientKey: file('client.key')
  }
  return { dir, ca: readFileSync(files.ca, 'utf8'), files, read: name => readFileSync(files[name]) }
}
