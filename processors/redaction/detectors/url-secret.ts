// URLs: signatures and keys in query strings, as OpenTelemetry's semantic conventions for `url.full` ask: the key stays,
// the value becomes REDACTED.

import { type Detector, defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { isPlaceholder } from '../scan/secrets.js'
import { Trigger } from '../scan/triggers.js'

const PARAMS = [
  'AWSAccessKeyId',
  'Signature',
  'sig',
  'X-Goog-Signature',
  'X-Goog-Credential',
  'X-Amz-Signature',
  'X-Amz-Credential',
  'X-Amz-Security-Token',
  'Key-Pair-Id',
  'Policy',
  'hmac',
  'code_verifier'
]

/** The parameters of the semantic conventions and their relatives. */
export const urlSecret = make([])

/** The same with further parameters. */
export function urlSecretWith(params: readonly string[]): Detector {
  return make(params)
}

function make(more: readonly string[]): Detector {
  const names = [...PARAMS, ...more]
  const pattern = new RegExp(
    `(?<=[?&;])(?:${names.map(name => name.replace(/[.*+?^${}()|[\\]\\\\]/g, '\\\\$&')).join('|')})=([^&#\\s"'<>;,]{4,4096})`,
    'gi'
  )
  return defineDetector({
    name: 'url_secret',
    family: 'secret',
    about: 'signatures and credentials in query strings (X-Amz-Signature, X-Goog-Signature, sig, AWSAccessKeyId ...)',
    checks: 'the parameter stays, the value becomes REDACTED',
    rank: Rank.key,
    when: Trigger.query,
    prefixes: names.map(name => ({
      word: name.length < 6 ? `|${name.toLowerCase()}|` : name.toLowerCase(),
      bits: Trigger.query
    })),
    hits: [
      'https://b.s3.amazonaws.com/o?X-Amz-Signature=‹0a1b2c3d4e5f›&x=1',
      'https://a.blob.core/x?sv=2022&sig=‹aBc%2Bd1e2f3%3D›'
    ],
    misses: ['/x?signature=', '/x?sigma=12345', 'signature=required'],
    find(scan: Scan): void {
      each(scan.text, pattern, match => {
        const end = match.index + match[0].length
        if (!isPlaceholder(match[1]!)) scan.hit(end - match[1]!.length, end, 'REDACTED')
      })
    }
  })
}
