// What a list of actions does to the attributes of one item. Worked out on the keys of the item (the values stay where
// they are), then carried out by the walk: nothing is decoded.

import { findLast } from '../../core/otlp/any-value.js'
import { encodeAnyValue } from '../../core/otlp/decode.js'
import type { ItemView } from '../../core/otlp/views.js'
import { contentFrom, skipField } from '../../core/otlp/walk-fields.js'
import type { Action } from './config.js'

/** An action with its value encoded. */
export interface Step {
  readonly key: string
  readonly does: Action['action']
  readonly value: Buffer | undefined
  readonly from: string | undefined
  readonly newKey: string
}

/** One attribute on its way: where it was (-1 = it is new), under which key and with which encoded value it ends. */
interface Attribute {
  readonly index: number
  key: string
  value: Buffer
  isSet: boolean
  isGone: boolean
}

/** The outcome for one item: by index of the attribute in the item, and what is added. */
export interface Plan {
  /** Undefined: stays as it is. */
  readonly changes: readonly (Change | undefined)[]
  readonly added: readonly { readonly key: string; readonly value: Buffer }[]
}

export type Change =
  | { readonly does: 'remove' }
  | { readonly does: 'set'; readonly key: string; readonly value: Buffer | undefined }

export function stepOf(action: Action): Step {
  return {
    key: action.key,
    does: action.action,
    value: action.value === undefined ? undefined : encodeAnyValue(action.value),
    from: action.from_attribute,
    newKey: action.new_key ?? ''
  }
}

/** Carries the steps out on the item's attributes (field number `field`); undefined when none of them applies. */
export function planFor(steps: readonly Step[], item: ItemView, field: number): Plan | undefined {
  const attributes = read(item, field)
  const count = attributes.length
  let isChanged = false
  for (const step of steps) isChanged = carryOut(step, attributes) || isChanged
  if (!isChanged) return undefined
  const changes: (Change | undefined)[] = new Array(count).fill(undefined)
  const added: { key: string; value: Buffer }[] = []
  for (const one of attributes) {
    if (one.index < 0) {
      if (!one.isGone) added.push({ key: one.key, value: one.value })
    } else if (one.isGone) changes[one.index] = { does: 'remove' }
    else if (one.isSet) changes[one.index] = { does: 'set', key: one.key, value: one.value }
  }
  return { changes, added }
}

function carryOut(step: Step, attributes: Attribute[]): boolean {
  const found = attributes.filter(one => !one.isGone && one.key === step.key)
  if (step.does === 'delete') return remove(found)
  if (step.does === 'rename') {
    if (found.length === 0) return false
    remove(attributes.filter(one => !one.isGone && one.key === step.newKey && step.newKey !== step.key))
    for (const one of found) {
      one.key = step.newKey
      one.isSet = true
    }
    return true
  }
  const value = step.value ?? attributes.find(one => !one.isGone && one.key === step.from)?.value
  if (value === undefined) return false
  if (found.length === 0) {
    if (step.does === 'update') return false
    attributes.push({ index: -1, key: step.key, value, isSet: true, isGone: false })
    return true
  }
  if (step.does === 'insert') return false
  for (const one of found) {
    one.value = value
    one.isSet = true
  }
  return true
}

function remove(found: readonly Attribute[]): boolean {
  for (const one of found) one.isGone = true
  return found.length > 0
}

function read(item: ItemView, field: number): Attribute[] {
  const { buf, end } = item
  const attributes: Attribute[] = []
  for (let p = item.start; p < end; ) {
    const next = skipField(buf, p, end)
    if (next < 0) break
    if (buf[p] === ((field << 3) | 2)) {
      const at = contentFrom(buf, p)
      const key = findLast(buf, 1, 2, at, next)
      const value = findLast(buf, 2, 2, at, next)
      attributes.push({
        index: attributes.length,
        key: key === undefined ? '' : buf.toString('utf8', key.from, key.to),
        value: value === undefined ? Buffer.alloc(0) : buf.subarray(value.from, value.to),
        isSet: false,
        isGone: false
      })
    }
    p = next
  }
  return attributes
}
