// International bank account numbers.

import { countrySpecs } from 'ibantools'
import { defineDetector, Rank } from '../detector.js'
import { ibanChecksum } from '../scan/checksums.js'
import { each } from '../scan/match.js'
import { isAlnum } from '../scan/numbers.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const LENGTHS: ReadonlyMap<string, number> = new Map(
  Object.entries(countrySpecs).flatMap(([country, spec]) => (spec.chars ? [[country, spec.chars] as const] : []))
)
const LETTERED = Object.entries(countrySpecs).flatMap(([country, spec]) =>
  spec.chars && /A/.test(spec.bban_regexp ?? '') ? [country] : []
)
const HEAD = /(?<![A-Za-z0-9])[A-Za-z]{2}[ -]?\d{2}(?=[ -]?[A-Za-z0-9])/g

export const iban = defineDetector({
  name: 'iban',
  family: 'financial',
  about: 'IBAN, together or in groups, upper or lower case',
  checks: "the country's length (ibantools) and mod 97",
  rank: Rank.checked,
  when: Trigger.digits | Trigger.token | Trigger.mixed,
  // Account numbers that are mostly letters have too few digits for the other triggers.
  prefixes: LETTERED.map(country => ({ word: `|${country.toLowerCase()}00`, bits: Trigger.mixed })),
  labels: ['iban', 'account', 'account number', 'bank account', 'payout', 'beneficiary account', 'konto'],
  labelTrigger: Trigger.numberLabel,
  hits: [
    '‹DE89370400440532013000›',
    'to ‹MT84 MALT 0110 0001 2345 MTLC AST0 01S›',
    '{"acct":"‹mt84malt011000012345mtlcast001s›"}',
    'iban: ‹GB82 WEST 1234 5698 7654 32›',
    '"‹nl91abna0417164300›"',
    '‹FR14-2004-1010-0505-0001-3M02-606›',
    '(‹DE89 3704 0044 0532 0130 00›)'
  ],
  misses: ['DE89370400440532013001', 'AB12CDEF34567890', 'gb82west1234569876543', 'XX89370400440532013000'],
  find(scan: Scan): void {
    each(scan.text, HEAD, match => {
      const length = LENGTHS.get(match[0].slice(0, 2).toUpperCase())
      if (length === undefined) return
      const end = collect(scan.text, match.index, length)
      if (end > 0) scan.hit(match.index, end)
    })
  }
})

/** End of the IBAN of `length` characters at `start`, single blanks or dashes between groups allowed; 0 when it is none. */
function collect(text: string, start: number, length: number): number {
  let code = ''
  let i = start
  for (; i < text.length && code.length < length; i++) {
    const c = text.charCodeAt(i)
    if (isAlnum(c)) code += text[i]
    else if (!((c === 32 || c === 45) && i + 1 < text.length && isAlnum(text.charCodeAt(i + 1)))) return 0
  }
  if (code.length !== length || (i < text.length && isAlnum(text.charCodeAt(i)))) return 0
  // Check digits go from 02 to 98.
  return !/^(?:00|01|99)/.test(code.slice(2)) && ibanChecksum(code.toUpperCase()) ? i : 0
}
