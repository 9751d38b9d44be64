// Public IPv4 and IPv6 addresses. Private ones are nobody's in particular; `private_ips: redact` takes them too.

import { isIPv6 } from 'node:net'
import { type Detector, defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const V4 = /(?<![A-Za-z0-9_]|\d\.)(?:\d{1,3}\.){3}\d{1,3}(?![A-Za-z0-9_]|\.\d|-[A-Za-z])/g
const V6 =
  /(?<![A-Za-z0-9.]|(?<![A-Za-z0-9])[0-9A-Fa-f]{0,4}:)(?:[0-9A-Fa-f:]{1,30}:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f:]{2,39})(?![A-Za-z0-9:])/g
const VERSION_WORD =
  /\b(?:version|versions|ver|release|build|v|firmware|driver|assembly|runtime|sdk|oid|snmp|rev|revision)\b[^A-Za-z0-9]{0,4}$/i

export const ipAddress = make(false)
/** The same with private, loopback and link-local addresses. */
export const ipAddressWithPrivate = make(true)

function make(withPrivate: boolean): Detector {
  return defineDetector({
    name: 'ip_address',
    family: 'network',
    about: 'IPv4 and IPv6, also with port, zone, in brackets, in X-Forwarded-For lists, IPv4 in IPv6',
    checks: 'parses and is public (`private_ips: redact` takes private ones too); not a version, not an OID',
    rank: Rank.checked,
    when: Trigger.dotted | Trigger.colons,
    labels: [
      'ip',
      'ips',
      'ip address',
      'ip addr',
      'ipaddress',
      'client ip',
      'client',
      'client address',
      'remote',
      'remote addr',
      'remote address',
      'source',
      'source ip',
      'src',
      'peer',
      'peer address',
      'forwarded',
      'forwarded for',
      'x forwarded for',
      'real ip',
      'ipv',
      'clientip',
      'remoteaddr'
    ],
    hits: [
      'from ‹8.8.4.4›',
      'peer ‹93.184.216.34›:443',
      '[‹2606:4700:4700::1111›]:443',
      'xff: ‹93.184.216.34›, 10.0.0.1',
      '‹::ffff:93.184.216.34›',
      { key: 'client.address', text: '‹93.184.216.34›' }
    ],
    misses: [
      '10.1.2.3',
      '192.168.0.1',
      '127.0.0.1:8080',
      'v1.2.3.4',
      'version 1.2.3.4',
      'Chrome/120.0.6099.109',
      '1.3.6.1.4.1.311',
      { key: 'service.version', text: '1.22.33.44' },
      'fe80::1',
      '::1',
      '12:34:56',
      'std::vec::Vec',
      '300.1.2.3',
      '1.0.0.0'
    ],
    find(scan: Scan): void {
      const text = scan.text
      if (scan.mask & Trigger.dotted) {
        each(text, V4, match => {
          if (isAddress(match[0], withPrivate) && !isVersion(scan, match.index))
            scan.hit(match.index, match.index + match[0].length)
        })
      }
      if (!text.includes(':')) return
      each(text, V6, match => {
        // `2001:db8::1: not found`: the last colon is the sentence's.
        const found = /[^:]:$/.test(match[0]) ? match[0].slice(0, -1) : match[0]
        if (!isPublic6(found, withPrivate)) return
        let end = match.index + found.length
        if (text[end] === '%') while (end < text.length && /[\w%.-]/.test(text[end]!)) end++
        scan.hit(match.index, end)
      })
    }
  })
}

const DOT = 46
const ZERO = 48

function isAddress(text: string, withPrivate: boolean): boolean {
  let a = -1
  let b = -1
  for (let i = 0; i < text.length; i++) {
    const start = i
    let part = 0
    for (; i < text.length && text.charCodeAt(i) !== DOT; i++) part = part * 10 + text.charCodeAt(i) - ZERO
    if (part > 255 || (i - start > 1 && text.charCodeAt(start) === ZERO)) return false
    if (a < 0) a = part
    else if (b < 0) b = part
  }
  if (a === 0 || a >= 224 || text.endsWith('.0.0')) return false
  return withPrivate || !isPrivate(a, b)
}

function isPrivate(a: number, b: number): boolean {
  if (a === 10 || a === 127) return true
  if (a === 172) return b >= 16 && b <= 31
  if (a === 192) return b === 168
  if (a === 169) return b === 254
  return a === 100 && b >= 64 && b <= 127
}

/** The key or the words before it say version; or `Name/1.2.3.4`. */
function isVersion(scan: Scan, at: number): boolean {
  if (scan.labelled(at)) return false
  if (/\b(?:version|build|release|sdk|firmware|oid)\b/.test(scan.keyPath)) return true
  const text = scan.text
  // `Name/1.2.3.4` is a product and its version; in a path it is an address.
  if (text[at - 1] === '/' && /(?:^|[\s(;,"'])[A-Za-z][\w.+-]{0,40}\/$/.test(text.slice(Math.max(0, at - 44), at)))
    return true
  return VERSION_WORD.test(text.slice(Math.max(0, at - 24), at))
}

/** Global unicast, NAT64, or IPv4 in IPv6 with a public IPv4. */
function isPublic6(text: string, withPrivate: boolean): boolean {
  if (!text.includes(':') || text.length < 6 || !isIPv6(text)) return false
  const dotted = text.lastIndexOf(':') + 1
  if (text.includes('.', dotted)) return isAddress(text.slice(dotted), withPrivate)
  if (withPrivate) return true
  const first = text.split(':', 1)[0]!
  return first.length === 4 && (first[0] === '2' || first[0] === '3')
}
