// API keys and tokens: the value of a key or label that says so.

import { defineDetector, Rank } from '../detector.js'
import type { Scan } from '../scan/scan.js'
import { eachLabelled, isSecret, isToken } from '../scan/secrets.js'
import { Trigger } from '../scan/triggers.js'

export const apiKey = defineDetector({
  name: 'api_key',
  family: 'secret',
  about: 'value of an API key, client secret, signing secret, access or refresh token key, label, header or parameter',
  checks:
    '8 characters or more that look random (a digit, or mixed case, or 20 characters); not a placeholder, count or duration',
  rank: Rank.checked,
  when: Trigger.textLabel,
  byKey: true,
  keyStop: /\b(?:name|type|path|ref|reference|provider|method|scope|field|arn)$/,
  labels: [
    'api key',
    'apikey',
    'x api key',
    'api secret',
    'api token',
    'app key',
    'app secret',
    'app token',
    'application key',
    'access key',
    'secret key',
    'secret token',
    'client secret',
    'clientsecret',
    'consumer secret',
    'consumer key',
    'signing secret',
    'signing key',
    'webhook secret',
    'encryption key',
    'master key',
    'shared key',
    'access token',
    'accesstoken',
    'refresh token',
    'auth token',
    'auth key',
    'authtoken',
    'bearer token',
    'id token',
    'session token',
    'oauth token',
    'token secret',
    'security token',
    'device token',
    'registration token',
    'service key',
    'subscription key',
    'private token',
    'private key',
    'deploy token',
    'personal access token',
    'access code',
    'bot token',
    'token',
    'credential',
    'credentials',
    'csrf token',
    'hmac key',
    'hmac secret',
    'jwt secret',
    'license key',
    'account key',
    'storage key',
    'function key',
    'instrumentation key',
    'sas token',
    'verification token',
    'reset token',
    'authenticity token',
    'ssh key',
    'auth'
  ],
  labelTrigger: Trigger.textLabel,
  hits: [
    'api_key=‹abcd1234efgh5678›',
    'X-Api-Key: ‹9f8e7d6c5b4a›',
    { key: 'client_secret', text: '‹q8f7Gh2kLmN0pQ›' },
    '"refreshToken":"‹def50200a1b2c3d4e5f6›"',
    '/cb?access_token=‹a1b2c3d4e5f6g7›&state=x',
    '--token ‹a1b2c3d4e5f6g7›',
    'signing secret is ‹8f742231b10e8888abcd›'
  ],
  misses: [
    'token expired',
    'tokens=1500',
    { key: 'llm.token', text: '1500' },
    'api_key=${API_KEY}',
    'invalid token: unexpected end',
    'token_type=bearer',
    { key: 'gen_ai.usage.total_tokens', text: '123456789' },
    'api key: missing',
    'page_token=next'
  ],
  find(scan: Scan): void {
    eachLabelled(scan, value => {
      if (isToken(scan.text.slice(value.start, value.end)) && isSecret(scan.text, value))
        scan.hit(value.start, value.end)
    })
  }
})
