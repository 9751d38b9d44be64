// AWS access key ids, and secret access keys near one or under a label.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const ID = /(?<![A-Za-z0-9])(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|AIPA|ABIA)[A-Z2-7]{16}(?![A-Za-z0-9])/g
const SECRET = /(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g
/** The lengths of what they match. */
const SHORTEST = 20
const SECRET_LENGTH = 40
const NEARBY = 200

export const awsKey = defineDetector({
  name: 'aws_key',
  family: 'secret',
  about: 'AWS access key id (AKIA, ASIA, AROA ...) and the 40-character secret access key',
  checks: 'base32 alphabet; the secret needs a label or a key id within 200 characters',
  rank: Rank.vendor,
  when: Trigger.vendor | Trigger.textLabel,
  labels: [
    'aws secret',
    'aws secret key',
    'aws secret access key',
    'secret access key',
    'aws secret access',
    'secretaccesskey',
    'aws session token'
  ],
  labelTrigger: Trigger.textLabel,
  byKey: true,
  prefixes: ['akia', 'asia', 'aroa', 'aida', 'agpa', 'anpa', 'anva', 'aipa', 'abia'].map(word => ({
    word: `|${word}`,
    bits: Trigger.vendor
  })),
  hits: [
    'key ‹AKIAIOSFODNN7EXAMPLE›',
    'AWS_SECRET_ACCESS_KEY=‹wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY›',
    { key: 'aws.secret_access_key', text: '‹wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY›' },
    '‹ASIAIOSFODNN7EXAMPLE› / ‹wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY›'
  ],
  misses: ['AKIA and ASIA', 'ASIAPACIFIC', '2fd4e1c67a2d28fced849ee1bb76e7391b93eb12'],
  find(scan: Scan): void {
    if (scan.text.length < SHORTEST) return
    const ids: number[] = []
    each(scan.text, ID, match => {
      ids.push(match.index)
      scan.hit(match.index, match.index + match[0].length)
    })
    if (scan.text.length < SECRET_LENGTH) return
    let next = 0
    each(scan.text, SECRET, match => {
      while (next < ids.length && ids[next]! < match.index - NEARBY) next++
      const near = next < ids.length && Math.abs(ids[next]! - match.index) <= NEARBY
      if (near || scan.labelled(match.index)) scan.hit(match.index, match.index + match[0].length)
    })
  }
})
