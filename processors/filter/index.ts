// Drops spans, data points and log records by rules; every drop is counted under its rule's name.

import { defineProcessor } from '../../core/component/processor.js'
import type { ItemView } from '../../core/otlp/views.js'
import { type FilterConfig, type Rule, schema } from './config.js'
import { isError, matcherOf } from './matcher.js'

export default defineProcessor({
  type: 'filter',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Drops spans, data points and log records by rules.',
  stage: 'inline',
  mutates: true,
  schema,
  validate,
  create(config) {
    const drop = config.drop.map(rule => ({ name: rule.name, fits: matcherOf(rule) }))
    const keep = config.keep.map(matcherOf)
    return {
      item(item: ItemView) {
        if (config.keep_errors && isError(item)) return
        const hit = drop.find(rule => rule.fits(item))
        if (hit !== undefined) item.drop(hit.name)
        else if (keep.length > 0 && !keep.some(fits => fits(item))) item.drop('not_kept')
      }
    }
  }
})

function validate(config: FilterConfig) {
  const lists = { drop: config.drop, keep: config.keep }
  return Object.entries(lists).flatMap(([list, rules]) => rules.flatMap((rule, i) => problemsOf(rule, `${list}[${i}]`)))
}

function problemsOf(rule: Rule, path: string) {
  if (Object.keys(rule).length === 1) return [{ path, says: 'has no condition: it would fit everything' }]
  if (rule.name.includes('|')) return [{ path: `${path}.name`, says: 'must not hold `|`' }]
  try {
    matcherOf(rule)
    return []
  } catch (error) {
    return [{ path, says: `has a pattern that RE2 does not take: ${(error as Error).message}` }]
  }
}
