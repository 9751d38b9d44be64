// A rule as a function of an item. Every condition reads only the field it is about.

import RE2 from 're2'
import type { ItemView } from '../../core/otlp/views.js'
import { KINDS, type Rule, SEVERITIES, STATUSES } from './config.js'

type Test<T> = (value: T) => boolean
export type Matcher = Test<ItemView>

/** Severity numbers below this are lower than the named severity (log data model: four numbers a name). */
const lowestOf = (name: string): number => SEVERITIES.indexOf(name as (typeof SEVERITIES)[number]) * 4 + 1
const NANOS_PER_MS = 1_000_000n
const SEVERITY_ERROR = 17

/** @throws SyntaxError when a pattern is no RE2 pattern. */
export function matcherOf(rule: Rule): Matcher {
  const all: Matcher[] = []
  if (rule.item_name !== undefined) all.push(on(item => item.name(), textTest(rule.item_name)))
  if (rule.scope !== undefined) all.push(on(item => item.scopeName(), textTest(rule.scope)))
  for (const [key, wanted] of Object.entries(rule.attributes ?? {}))
    all.push(on(item => item.attribute(key), valueTest(wanted)))
  for (const [key, wanted] of Object.entries(rule.resource ?? {}))
    all.push(on(item => item.resourceAttribute(key), valueTest(wanted)))
  if (rule.status !== undefined) all.push(onSpan(oneOf(rule.status, STATUSES, item => item.status)))
  if (rule.kind !== undefined) all.push(onSpan(oneOf(rule.kind, KINDS, item => item.spanKind)))
  if (rule.shorter_than !== undefined) {
    const limit = BigInt(rule.shorter_than) * NANOS_PER_MS
    all.push(onSpan(item => item.endTime() - item.startTime() < limit))
  }
  if (rule.severity_below !== undefined) {
    const lowest = lowestOf(rule.severity_below)
    all.push(item => item.signal === 'logs' && item.status > 0 && item.status < lowest)
  }
  if (rule.body !== undefined) {
    const test = textTest(rule.body)
    all.push(item => {
      const body = item.body()
      return typeof body === 'string' && test(body)
    })
  }
  return item => all.every(test => test(item))
}

/** A span with status error, a log record from ERROR up. */
export function isError(item: ItemView): boolean {
  return item.signal === 'logs' ? item.status >= SEVERITY_ERROR : item.status === 2
}

function on<T>(read: (item: ItemView) => T, test: Test<T>): Matcher {
  return item => test(read(item))
}

function onSpan(test: Matcher): Matcher {
  return item => item.signal === 'traces' && test(item)
}

function oneOf<T extends string>(wanted: readonly T[], names: readonly T[], read: (item: ItemView) => number): Matcher {
  const numbers = new Set(wanted.map(name => names.indexOf(name)))
  return item => numbers.has(read(item))
}

function valueTest(wanted: string | number | boolean | readonly string[]): Test<unknown> {
  if (wanted === '*') return value => value !== undefined
  if (typeof wanted === 'number' || typeof wanted === 'boolean')
    return value => value === wanted || value === BigInt(Number(wanted))
  const test = textTest(wanted)
  return value => value !== undefined && value !== null && typeof value !== 'object' && test(String(value))
}

function textTest(wanted: string | readonly string[]): Test<string> {
  const tests = (typeof wanted === 'string' ? [wanted] : wanted).map(oneText)
  return text => tests.some(test => test(text))
}

function oneText(wanted: string): Test<string> {
  const isPattern =
    wanted.length > 2 && wanted.startsWith('/') && wanted.endsWith('/') && /[\\^$.|?*+()[\]{}]/.test(wanted)
  if (isPattern) {
    const pattern = new RE2(wanted.slice(1, -1), 'u')
    return text => pattern.test(text)
  }
  if (!wanted.includes('*')) return text => text === wanted
  const glob = new RE2(`^${wanted.split('*').map(escaped).join('[\\s\\S]*')}$`, 'u')
  return text => glob.test(text)
}

function escaped(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}/]/g, '\\$&')
}
