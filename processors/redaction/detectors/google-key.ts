// Google API keys (AIza) and OAuth tokens (ya29., 1//0, GOCSPX-)

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const googleKey = defineDetector({
  name: 'google_key',
  family: 'secret',
  about: 'Google API keys (AIza) and OAuth tokens (ya29., 1//0, GOCSPX-)',
  checks: 'length',
  rank: Rank.vendor,
  when: Trigger.vendor,
  prefixes: ['aiza', 'ya29.', 'gocspx-'].map(word => ({ word, bits: Trigger.vendor })),
  hits: ['‹AIzaSyA1234567890abcdefGHIJKLMNOPQRSTUV›', '‹ya29.a0AfH6SMBabcdefGHIJKL0123456789›'],
  misses: ['AIzaSy', 'ya29.x'],
  find: matching(
    /(?<![A-Za-z0-9])(?:AIza[A-Za-z0-9_-]{30,40}|GOCSPX-[A-Za-z0-9_-]{20,40}|ya29\.[A-Za-z0-9_-]{20,1024})/g
  )
})
