// Finds personal data and secrets in every place of OTLP and takes them out.

import { createRequire } from 'node:module'
import type RE2 from 're2'
import type { Problem } from '../../core/component/declaration.js'
import { defineProcessor } from '../../core/component/processor.js'
import { errors } from '../../core/privacy/errors.js'
import { type RedactionConfig, schema } from './config.js'
import { DETECTORS, OPTIONAL } from './detectors/index.js'
import { hasAction, Redactor } from './redactor.js'

const KNOWN = new Set([...DETECTORS, ...OPTIONAL].map(detector => detector.name).concat('all'))
const SILENT = { findings() {}, places() {}, workflows() {}, failed() {} }

export default defineProcessor({
  type: 'redaction',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Finds personal data and secrets in every place of OTLP and redacts, masks, hashes or drops them.',
  stage: 'inline',
  mutates: true,
  protects: true,
  schema,
  counters: {
    findings: { unit: '{finding}', about: 'Hits, by detector (`field` = a key rule).', label: 'detector' },
    places: { unit: '{finding}', about: 'Hits, by the place in OTLP where they stood.', label: 'place' },
    workflows: {
      unit: '{finding}',
      about: 'Hits, by workflow (at most 200 names; only where settings depend on the workflow).',
      label: 'workflow'
    },
    failed: {
      unit: '{value}',
      about: 'Values replaced as a whole because they could not be looked through.',
      label: 'reason'
    }
  },
  validate,
  create(config, context) {
    const wantsKey = config.allow_list.action === 'hash' || hasAction(config, 'hash') || hasAction(config, 'tokenize')
    if (wantsKey && config.hash_key === undefined && context.installationKey === undefined)
      throw errors.PRIVACY_NO_KEY()
    return new Redactor(config, context.count, context.installationKey).visitor()
  }
})

function validate(config: RedactionConfig): readonly Problem[] {
  const problems: Problem[] = []
  checkNames(config.detectors, 'detectors', problems)
  for (const [workflow, own] of Object.entries(config.by_workflow)) {
    checkNames(own.detectors ?? {}, `by_workflow.${workflow}.detectors`, problems)
  }
  const bad = badPatterns(config)
  if (bad.length > 0) return [...problems, ...bad]
  try {
    new Redactor(config, SILENT)
  } catch (error) {
    problems.push({ path: '', says: (error as Error).message })
  }
  return problems
}

/** Every pattern that RE2 does not take, each by its own path. */
function badPatterns(config: RedactionConfig): readonly Problem[] {
  const all = [
    ...config.patterns.map(({ pattern }, i) => [`patterns[${i}].pattern`, pattern] as const),
    ...config.blocked_values.map((pattern, i) => [`blocked_values[${i}]`, pattern] as const),
    ...config.blocked_key_patterns.map((pattern, i) => [`blocked_key_patterns[${i}]`, pattern] as const)
  ]
  if (all.length === 0) return []
  const Expression = createRequire(import.meta.url)('re2') as typeof RE2
  return all.flatMap(([path, pattern]) => {
    try {
      new Expression(pattern)
      return []
    } catch (error) {
      return [{ path, says: `is no RE2 pattern: ${(error as Error).message}` }]
    }
  })
}

function checkNames(detectors: Readonly<Record<string, unknown>>, path: string, problems: Problem[]): void {
  for (const name of Object.keys(detectors)) {
    if (KNOWN.has(name)) continue
    problems.push({
      path: `${path}.${name}`,
      says: `there is no detector \`${name}\`; there are ${[...KNOWN].join(', ')}`
    })
  }
}
