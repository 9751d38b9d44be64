// Cookies: the values of Cookie and Set-Cookie pairs, and of session cookies by name anywhere. Names stay.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { isLoose, isPlaceholder, isStriking, trimCell } from '../scan/secrets.js'
import { Trigger } from '../scan/triggers.js'

const HEADER = /(?<![A-Za-z0-9])(?:set-)?cookies?["']?\s{0,3}[:=]\s{0,3}["'[]{0,2}/gi
const PAIR = /([A-Za-z0-9_.\-$!#%&*+^`|~]{1,128})=("[^"]{0,4096}"|[^\s;,"'\\}\]]{1,4096})/g
const SESSION =
  /(?<![A-Za-z0-9])(?:[A-Za-z0-9_-]{0,40}sess(?:ion)?_?(?:id|token|key)?|sid|connect\.sid|asp\.net_sessionid|[A-Za-z0-9_-]{1,40}_(?:session|sid|sess)|(?:auth|remember|csrf|xsrf|user|login)_token|csrftoken|xsrf-token|__cf_bm|cf_clearance|\.aspxauth|sso|jwt_token)=("[^"]{6,4096}"|[^\s;,&"'<>\\}\]]{6,4096})/gi
const ATTRIBUTES = new Set([
  'path',
  'domain',
  'expires',
  'max-age',
  'samesite',
  'secure',
  'httponly',
  'priority',
  'partitioned',
  'version',
  'comment'
])

export const cookie = defineDetector({
  name: 'cookie',
  family: 'secret',
  about:
    'values of Cookie and Set-Cookie headers, and of session cookies by name (sessionid, JSESSIONID, PHPSESSID, connect.sid, *_session, auth_token)',
  checks: 'cookie names and attributes stay',
  rank: Rank.key,
  when: Trigger.cookie,
  byKey: true,
  // An id for grouping (`session.id`) is what `hash_fields` is for.
  keyStop: /(?<!\bnet )\bsession id$|^session$/,
  labels: [
    'cookie',
    'cookies',
    'set cookie',
    'jsessionid',
    'phpsessid',
    'sessionid',
    'sid',
    'connect sid',
    'aspsessionid',
    'net session id',
    'csrftoken',
    'session cookie',
    'session',
    'session id',
    'session key',
    'session token',
    'user session',
    'xsrf token',
    'sess id',
    'sessid',
    'wordpress logged in',
    'session id cookie',
    'session cookie value'
  ],
  labelTrigger: Trigger.cookie,
  prefixes: [
    'cookie',
    'sess',
    '|sid|',
    '.sid',
    '_sid',
    'csrf',
    'xsrf',
    'auth_token',
    'remember_token',
    'user_token',
    'login_token',
    '__cf',
    'cf_clearance',
    'aspxauth',
    '|sso|',
    'jwt_token'
  ].map(word => ({ word, bits: Trigger.cookie })),
  hits: [
    'Cookie: sessionid=‹38afes7a8›; theme=‹dark12›',
    'Set-Cookie: id=‹a3fWa9›; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/; HttpOnly',
    'JSESSIONID=‹0A1B2C3D4E5F6A7B›',
    'jsessionid ‹UlFdy9gd0r6Tw_mNZ0N7tPox7VfBrLp2›',
    { key: 'http.request.header.cookie', text: 'a=‹1234567›; b=‹x›' },
    '/x?PHPSESSID=‹abc123def456›&y=2',
    { key: 'jsessionid', text: '‹0A1B2C3D4E5F6A7B8C9D›' }
  ],
  misses: [
    'cookies are enabled',
    'session=active',
    'cookie consent given',
    { key: 'session_id', text: 'count' },
    'sid=?',
    { key: 'cookie.enabled', text: 'true' }
  ],
  find(scan: Scan): void {
    const text = scan.text
    let reached = 0
    each(text, HEADER, match => {
      const start = match.index + match[0].length
      if (start > reached) reached = pairs(scan, start, lineEnd(text, match.index))
    })
    if (scan.byKey && scan.keyIsLabel) {
      if (text.includes('=')) pairs(scan, 0, text.length)
      else if (/^[\w%.:+/=~-]{12,}$/.test(text) && /\d/.test(text) && !scan.keyPath.endsWith('cookies'))
        scan.hit(0, text.length)
    }
    scan.eachLabel((value, label) => {
      const found = text.slice(value.start, value.end)
      // A cookie header's pairs are seen above.
      if (/^(?:set.)?cookies?$/i.test(text.slice(label.start, label.end)) || !isSession(found)) return
      if (!isLoose(value) || (found.length >= 16 && isStriking(found))) scan.hit(value.start, value.end)
    })
    scan.eachCell((start, end) => {
      const [from, to] = trimCell(text, start, end)
      if (isSession(text.slice(from, to))) scan.hit(from, to)
    })
    scan.eachSaid((start, end) => {
      const [from, to] = trimCell(text, start + text.slice(start, end).trimEnd().lastIndexOf(' ') + 1, end)
      if (to - from >= 16 && isSession(text.slice(from, to)) && isStriking(text.slice(from, to))) scan.hit(from, to)
    })
    each(text, SESSION, match => {
      const value = match[1]!
      if (isPlaceholder(value) || !(/\d/.test(value) || value.length >= 16)) return
      scan.hit(match.index + match[0].length - value.length, match.index + match[0].length)
    })
  }
})

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/** A session id: one word of 12 characters or more with a digit; a UUID is taken for the id of something else. */
function isSession(value: string): boolean {
  return (
    value.length > 512 ||
    (value.length >= 12 &&
      !/\s/.test(value) &&
      (/\d/.test(value) || (value.length >= 20 && isStriking(value))) &&
      !isPlaceholder(value) &&
      !UUID.test(value))
  )
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

/** Hits the values of `a=1; b=2` in a range; attributes of Set-Cookie stay. Returns how far it got. */
function pairs(scan: Scan, from: number, to: number): number {
  PAIR.lastIndex = from
  for (let match = PAIR.exec(scan.text); match !== null && match.index < to; match = PAIR.exec(scan.text)) {
    const [whole, name, value] = match as unknown as [string, string, string]
    const end = match.index + whole.length
    const isValue = !ATTRIBUTES.has(name.toLowerCase()) && !isPlaceholder(value)
    if (isValue) scan.hit(end - value.length, end)
    if (isValue && scan.text[end] !== ';' && scan.text[end] !== ',') return end
  }
  return to
}
