// Replaces the values of chosen keys by keyed hashes: the same value stays the same, and nobody can read it.

import { defineProcessor } from '../../core/component/processor.js'
import { keyMemo } from '../../core/otlp/keys.js'
import type { AttributeView } from '../../core/otlp/views.js'
import { errors } from '../../core/privacy/errors.js'
import { fieldMatcher } from '../../core/privacy/fields.js'
import { Keyring } from '../../core/privacy/keyring.js'
import { schema } from './config.js'

export default defineProcessor({
  type: 'hashing',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Replaces the values of chosen keys by keyed hashes (HMAC-SHA-256).',
  stage: 'inline',
  mutates: true,
  protects: true,
  schema,
  counters: { hashed: { unit: '{attribute}', about: 'Attributes whose value was hashed.' } },
  create(config, context) {
    if (config.hash_fields.length === 0) return {}
    const key = config.key?.reveal() ?? context.installationKey
    if (key === undefined) throw errors.PRIVACY_NO_KEY()
    const keys = new Keyring({ key, previous: config.previous_keys.map(key => key.reveal()) })
    const matches = fieldMatcher(config.hash_fields)
    const flat = keyMemo(key => matches.fits([key]))
    return {
      wantsKey: key => matches.mayEnd(key),
      attribute(view: AttributeView) {
        if (view.sealed || !(view.depth === 0 ? flat(view.key) : matches.fits(pathOf(view)))) return
        view.replace(keys.digest(view.text()), true)
        context.count.hashed(1)
      }
    }
  }
})

function pathOf(view: AttributeView) {
  return Array.from({ length: view.depth + 1 }, (_, depth) => view.keyAt(depth))
}
