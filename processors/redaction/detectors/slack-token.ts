// Slack tokens (xoxb-, xoxp-, xapp- ...) and incoming webhook addresses

import { defineDetector, Rank } from '../detector.js'
import { matching } from '../scan/match.js'
import { Trigger } from '../scan/triggers.js'

export const slackToken = defineDetector({
  name: 'slack_token',
  family: 'secret',
  about: 'Slack tokens (xoxb-, xoxp-, xapp- ...) and incoming webhook addresses',
  checks: 'shape',
  rank: Rank.vendor,
  when: Trigger.vendor,
  prefixes: [
    'xoxa-',
    'xoxb-',
    'xoxe-',
    'xoxp-',
    'xoxr-',
    'xoxs-',
    'xoxe.',
    'xapp-',
    'hooks.slack.com',
    'xoxc-',
    'xoxd-'
  ].map(word => ({ word, bits: Trigger.vendor })),
  hits: [
    '‹xoxb-123456789012-abcdefGHIJKL›',
    'https://hooks.slack.com/services/‹T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX›'
  ],
  misses: ['xoxb-', 'slack.com/services'],
  find: matching(
    /(?<![A-Za-z0-9])(?:xox[abcdeprs][-.][A-Za-z0-9.-]{8,255}|xapp-[A-Za-z0-9-]{8,255})|hooks\.slack\.com\/(?:services|workflows|triggers)\/([A-Za-z0-9/_-]{8,255})/g
  )
})
