// Telegram bot tokens.

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const telegramToken = defineDetector({
  name: 'telegram_token',
  family: 'secret',
  about: 'Telegram bot token: digits, a colon, AA and 33 characters',
  checks: 'length',
  rank: Rank.vendor,
  when: Trigger.token,
  hits: ['bot‹123456789:AAabcdefGHIJKL0123456789mnopqrstuvwx›', '"‹1234567890:AAEabcdefGHIJKL0123456789mnopqrst-_w›"'],
  misses: ['12345:AAshort', 'at 10:AA'],
  find: matching(/(?<![0-9])\d{6,12}:AA[A-Za-z0-9_-]{30,40}(?![A-Za-z0-9_-])/g)
})
