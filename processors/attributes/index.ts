// Adds, sets, removes and renames attributes of spans, data points and log records, as the Collector's processor does.

import { defineProcessor } from '../../core/component/processor.js'
import type { AttributeView, ItemView } from '../../core/otlp/views.js'
import { type AttributesConfig, schema } from './config.js'
import { type Plan, planFor, stepOf } from './plan.js'

/** Attributes of items; those of resources, scopes, events and links are other lists. */
const OWN_PLACES = new Set(['span.attributes', 'point.attributes', 'log.attributes'])

export default defineProcessor({
  type: 'attributes',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Adds, sets, removes and renames attributes of spans, data points and log records.',
  stage: 'inline',
  mutates: true,
  schema,
  counters: { changed: { unit: '{item}', about: 'Items whose attributes were changed.' } },
  validate,
  create(config, context) {
    const steps = config.actions.map(stepOf)
    let plan: Plan | undefined
    let index = 0
    return {
      item(item: ItemView) {
        plan = planFor(steps, item, item.attributesField)
        index = 0
        if (plan !== undefined) context.count.changed(1)
      },
      attribute(view: AttributeView) {
        if (plan === undefined || view.depth > 0 || !OWN_PLACES.has(view.place)) return
        const change = plan.changes[index++]
        if (change === undefined) return
        if (change.does === 'remove') {
          view.remove()
          return
        }
        if (change.key !== view.key.text) view.rename(change.key)
        if (change.value !== undefined) view.replaceValue(change.value)
      },
      itemEnd(item: ItemView) {
        for (const { key, value } of plan?.added ?? []) item.insert(key, value)
        plan = undefined
      }
    }
  }
})

function validate(config: AttributesConfig) {
  return config.actions.flatMap((action, i) => {
    const problem = (says: string) => [{ path: `actions[${i}]`, says }]
    const sets = action.action === 'insert' || action.action === 'update' || action.action === 'upsert'
    if (sets && (action.value === undefined) === (action.from_attribute === undefined)) {
      return problem(`\`${action.action}\` needs either \`value\` or \`from_attribute\``)
    }
    if (!sets && (action.value !== undefined || action.from_attribute !== undefined)) {
      return problem(`\`${action.action}\` takes no value`)
    }
    if ((action.action === 'rename') !== (action.new_key !== undefined)) {
      return problem(action.action === 'rename' ? '`rename` needs `new_key`' : '`new_key` is for `rename` only')
    }
    return []
  })
}
