// Email addresses: found from each @ outwards, so the cost is linear whatever surrounds it.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const LOCAL_MAX = 64
const DOMAIN_MAX = 253

const DOT = /\bdot\b|[[({<] ?at ?[\])}>]/i
/** `ada at example dot org`, `ada [at] example.org`: spelled out, with a well-known end. */
const SPELLED =
  /(?<![\w.@-])[A-Za-z0-9][\w.+-]{0,63} ?(?:[[({<] ?at ?[\])}>]|(?<= )at(?= )) ?(?:[A-Za-z0-9-]{1,63}(?: ?[[({<] ?dot ?[\])}>] ?| dot |\.)){1,4}(?:com|org|net|edu|gov|info|example|io|dev|app|de|at|ch|fr|it|es|nl|be|uk|ie|eu|pl|se|no|dk|fi|pt|br|in|jp|au|ca|us|me|co)(?![\w-])/gi

export const email = defineDetector({
  name: 'email',
  family: 'contact',
  about: 'local@domain, with plus tags and internationalised domains',
  checks:
    'the domain has a dot and a label of letters at its end; not `@scope/pkg`, not `Class@hex`, not credentials in a URL',
  rank: Rank.checked,
  when: Trigger.at,
  prefixes: [{ word: '|dot|', bits: Trigger.at }],
  hits: [
    'write to ‹ada.l at example dot org› please',
    '‹ada [at] example [dot] co [dot] uk›',
    '‹аdа@ехample.org›',
    '‹61646140 6578616d706c652e6f7267›'.replace(' ', ''),
    'mail ‹ada@example.org› now',
    '‹first.last+tag@mail.example.co.uk›',
    "<‹o'brien@example.ie›>",
    'to:‹müller@bücher.example›;',
    'to=‹ada%40example.org›&x=1',
    '‹ada＠example.org›',
    '"‹ada@xn--bcher-kva.example›"',
    '‹a\u200bda@exam\u200bple.org›',
    '{"m":"‹ada\\u0040example.org›"}',
    '‹YWRhLmxAZXhhbXBsZS5vcmc=›'
  ],
  misses: [
    'look at the dot product',
    'point at dot com later',
    'array [at] index',
    'npm install @scope/pkg@1.2.3',
    'com.acme.Widget@1f2e3d4c',
    'user@localhost',
    'git@github.com:acme/repo.git',
    'image@sha256:0f1e2d',
    '@Override on line 3',
    'a @ b.c d',
    'react-dom@18.2.0'
  ],
  find(scan: Scan): void {
    const text = scan.text
    if (DOT.test(text))
      each(text, SPELLED, match => {
        if (/[[({<] ?(?:at|dot)|\bdot\b/i.test(match[0])) scan.hit(match.index, match.index + match[0].length)
      })
    for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
      let start = at
      while (start > 0 && at - start < LOCAL_MAX && isLocal(text, start - 1)) start--
      while (start < at && (text[start] === '.' || text[start] === "'" || text[start] === '-')) start++
      const end = domainEnd(text, at + 1)
      if (start === at || end === 0 || isRemote(text, start, at, end) || isUserInfo(text, start)) continue
      scan.hit(start, end)
    }
  }
})

function isLocal(text: string, i: number): boolean {
  const c = text.charCodeAt(i)
  if ((c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c >= 0xa1) return true
  return c === 46 || c === 95 || c === 43 || c === 45 || c === 37 || c === 39 || c === 33 || c === 35 || c === 126
}

/** End of the domain that starts at `i`; 0 when it is none. */
function domainEnd(text: string, i: number): number {
  let end = i
  let label = i
  let dots = 0
  let last = 0
  for (; end < text.length && end - i < DOMAIN_MAX; end++) {
    const c = text.charCodeAt(end)
    if (c === 46) {
      if (end === label) break
      if (dots > 0 && isTop(text, label, end)) last = end
      dots++
      label = end + 1
    } else if (!((c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 45 || c >= 0xa1)) break
  }
  return dots > 0 && isTop(text, label, end) ? end : last
}

/** A top-level label: letters (any script), or punycode. */
function isTop(text: string, start: number, end: number): boolean {
  if (end - start < 2) return false
  if (text.startsWith('xn--', start)) return true
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i)
    if (!((c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c >= 0xa1)) return false
  }
  return true
}

/** `git@host:path` is a remote, not a person. */
function isRemote(text: string, start: number, at: number, end: number): boolean {
  return at - start === 3 && text.startsWith('git@', start) && (text[end] === ':' || text[end] === '/')
}

/** `scheme://user@host` and `scheme://user:password@host`: credentials, which url_password looks after. */
function isUserInfo(text: string, start: number): boolean {
  let i = start - 1
  for (const stop = Math.max(0, start - 256); i > stop; i--) {
    const c = text.charCodeAt(i)
    if (c === 47) return text[i - 1] === '/' && text[i - 2] === ':'
    if (c <= 32 || c === 63 || c === 35 || c === 34 || c === 64) return false
  }
  return false
}
