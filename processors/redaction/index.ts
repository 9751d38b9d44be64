// Finds personal data and secrets in every place of OTLP and takes them out.

import type { Problem } from '../../core/component/declaration.js'
import { defineProcessor } from '../../core/component/processor.js'
import { type RedactionConfig, schema } from './config.js'
import { DETECTORS } from './detectors/index.js'
import { Redactor } from './redactor.js'

export default defineProcessor({
  type: 'redaction',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Finds personal data and secrets in every place of OTLP and redacts, masks, hashes or drops them.',
  stage: 'inline',
  mutates: true,
  schema,
  counters: {
    findings: { unit: '{finding}', about: 'Hits, by detector (`field` = a key rule).', label: 'detector' },
    places: { unit: '{finding}', about: 'Hits, by the place in OTLP where they stood.', label: 'place' },
    failed: {
      unit: '{value}',
      about: 'Values replaced as a whole because they could not be looked through.',
      label: 'reason'
    }
  },
  validate,
  create(config, context) {
    return new Redactor(config, context.count).visitor()
  }
})

function validate(config: RedactionConfig): readonly Problem[] {
  const known = new Set([...DETECTORS.map(detector => detector.name), 'all'])
  const problems: Problem[] = []
  for (const name of Object.keys(config.detectors)) {
    if (!known.has(name))
      problems.push({
        path: `detectors.${name}`,
        says: `there is no detector \`${name}\`; there are ${[...known].join(', ')}`
      })
  }
  const hashes = [config.action, ...Object.values(config.detectors)].some(
    action => action === 'hash' || action === 'tokenize'
  )
  if (hashes && config.hash_key === undefined)
    problems.push({ path: 'hash_key', says: '`hash` and `tokenize` need a key: set `hash_key`' })
  return problems
}
