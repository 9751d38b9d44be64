// Who may ask the admin endpoint for what.
//
// Open to everybody who reaches it: health, readiness, metrics, ledger. Everything else is answered only under a host name that is
// known: a web page that has a name of its own point here (DNS rebinding) cannot read it. With a token, changes and contents
// want the token; without one, changes are taken from this machine only. A request that a browser sent for another page
// (Origin, Sec-Fetch-Site) can change nothing.

import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import type { FastifyRequest } from 'fastify'
import type { Who } from '../../../core/audit/record.js'
import type { Secret } from '../../../core/config/secret.js'

export interface Access {
  readonly token?: Secret
  /** Host names beside the machine's own. */
  readonly allowedHosts: readonly string[]
}

export interface Denial {
  readonly status: 401 | 403
  readonly error: string
}

/** Names and counts only. */
const PUBLIC = new Set(['/healthz', '/readyz', '/metrics', '/ledger', '/ledger/cluster'])
/** Open even when there is a token: no contents. */
const OVERVIEW = new Set(['/', '/exporters'])
const MAX_CLAIM = 100

/** Why a request is not answered; undefined: it is. */
export function denied(request: FastifyRequest, access: Access): Denial | undefined {
  const path = request.url.split('?', 1)[0]!
  const isChange = request.method !== 'GET' && request.method !== 'HEAD'
  if (!isChange && PUBLIC.has(path)) return undefined
  const isKnown = hasToken(request, access)
  if (isChange && isForeign(request)) return { status: 403, error: 'web pages may not change anything here' }
  if (!isKnown && !isOwnHost(request.headers.host, access)) {
    const error = `this endpoint is not asked under the name "${hostOf(request.headers.host).slice(0, MAX_CLAIM)}": use localhost or an address, or list the name in service.telemetry.admin.allowed_hosts`
    return { status: 403, error }
  }
  if (access.token !== undefined) {
    if (isKnown || OVERVIEW.has(path)) return undefined
    return { status: 401, error: 'this needs the admin token: Authorization: Bearer TOKEN' }
  }
  if (!isChange || isLoopback(request.socket.remoteAddress)) return undefined
  const error =
    'changes are taken from this machine only: set service.telemetry.admin.token to make them from elsewhere'
  return { status: 403, error }
}

/** The one who asks, for the audit trail. */
export function whoAsks(request: FastifyRequest, access: Access): Who {
  const claims = request.headers['x-algoflow-actor']
  return {
    via: 'admin',
    address: request.socket.remoteAddress ?? 'unknown',
    ...(typeof claims === 'string' ? { claims: claims.replace(/[^\w.@:\\ -]/g, '?').slice(0, MAX_CLAIM) } : {}),
    ...(access.token === undefined ? {} : { token: hasToken(request, access) })
  }
}

function hasToken(request: FastifyRequest, { token }: Access): boolean {
  const given = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined || token.isEmpty || given === undefined) return false
  return timingSafeEqual(digest(given), digest(token.reveal()))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Sent by a browser on behalf of some page. There are no scripts here that could be it. */
function isForeign({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site']
  return headers.origin !== undefined || (site !== undefined && site !== 'none')
}

function isOwnHost(header: string | undefined, { allowedHosts }: Access): boolean {
  const host = hostOf(header)
  // An address cannot be rebound; only a name can.
  if (host === '' || isIP(host) !== 0) return true
  return ['localhost', hostname().toLowerCase(), ...allowedHosts.map(name => name.toLowerCase())].includes(host)
}

/** The host of a Host header, lower case, without port and brackets. */
function hostOf(header: string | undefined): string {
  const text = (header ?? '').toLowerCase()
  return text.startsWith('[') ? text.slice(1, text.indexOf(']')) : text.replace(/:\d*$/, '')
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/.test(address)
}
