// What head sampling asks of one item.

import type { ItemView } from '../otlp/views.js'

const STATUS_ERROR = 2
const SEVERITY_ERROR = 17
const WORKFLOW_KEYS = ['workflow.name', 'algoflow.workflow.name'] as const

/** A span with status ERROR, a log record of severity ERROR or above. */
export function isErrorItem(item: ItemView): boolean {
  return item.signal === 'logs' ? item.status >= SEVERITY_ERROR : item.status === STATUS_ERROR
}

/** The workflow that an item or its resource names; undefined when neither does. */
export function workflowOf(item: ItemView): string | undefined {
  for (const key of WORKFLOW_KEYS) {
    const name = item.attribute(key) ?? item.resourceAttribute(key)
    if (typeof name === 'string') return name
  }
  return undefined
}
