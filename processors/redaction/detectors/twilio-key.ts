// Twilio account ids, API keys and auth tokens: hexadecimal, so only with their prefix and a label.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const SID = /(?<![A-Za-z0-9])(?:SK|AC)[0-9a-f]{32}(?![A-Za-z0-9])/g
const TOKEN = /(?<![A-Za-z0-9])[0-9a-f]{32}(?![A-Za-z0-9])/g
/** The shorter of the two. */
const SHORTEST = 32

export const twilioKey = defineDetector({
  name: 'twilio_key',
  family: 'secret',
  about: 'Twilio API key (SK and 32 hexadecimal digits) and auth token',
  checks: 'a label, or the word Twilio',
  rank: Rank.vendor,
  when: Trigger.textLabel,
  byKey: true,
  labels: [
    'api key',
    'apikey',
    'auth token',
    'api token',
    'token',
    'api secret',
    'twilio',
    'twilio api key',
    'twilio key',
    'twilio sid',
    'twilio auth token',
    'twilio token',
    'account sid',
    'api key sid',
    'twilio secret'
  ],
  labelTrigger: Trigger.textLabel,
  hits: [
    'twilio ‹SK0123456789abcdef0123456789abcdef›',
    { key: 'twilio.api_key', text: '‹SK0123456789abcdef0123456789abcdef›' }
  ],
  misses: ['SK0123456789abcdef0123456789abcdef', '0123456789abcdef0123456789abcdef'],
  find(scan: Scan): void {
    if (scan.text.length < SHORTEST) return
    const named = scan.lower.includes('twilio') || scan.keyPath.includes('twilio')
    each(scan.text, SID, match => {
      if (named || scan.labelled(match.index)) scan.hit(match.index, match.index + match[0].length)
    })
    each(scan.text, TOKEN, match => {
      if (named && scan.labelled(match.index)) scan.hit(match.index, match.index + match[0].length)
    })
  }
})
