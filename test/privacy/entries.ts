// A request as a list of entries: what is compared to see that nothing else has changed. An attribute gives
// `key = type:value`, a plain field gives `field:value`; order and position do not matter.

import type { Plain } from '../helpers/otlp-oracle.js'

// Random ids: neither text nor counted.
const IDS = new Set(['traceId', 'spanId', 'parentSpanId'])

/** Entries of a decoded message. */
export function entriesOf(message: Plain): string[] {
  const entries: string[] = []
  walk(message, '', entry => entries.push(entry))
  return entries
}

function walk(message: Plain, key: string, found: (entry: string) => void): void {
  const isPair =
    typeof message['key'] === 'string' && Object.keys(message).every(name => name === 'key' || name === 'value')
  const within = isPair ? `${key}${message['key'] as string} = ` : key
  for (const [name, value] of Object.entries(message)) {
    if (IDS.has(name) || (isPair && name === 'key' && message['value'] !== undefined)) continue
    for (const one of Array.isArray(value) ? value : [value]) leaf(one, name, within, found)
  }
}

function leaf(one: unknown, name: string, within: string, found: (entry: string) => void): void {
  if (Buffer.isBuffer(one)) found(`${within}${name}:${one.toString('utf8')}`)
  else if (typeof one === 'object' && one !== null) walk(one as Plain, within, found)
  else if (typeof one === 'string' || /^(int|double|bool)Value$/.test(name)) found(`${within}${name}:${String(one)}`)
}

/** Every text of a decoded message, keys too; numbers of values in decimal, bytes as UTF-8. */
export function stringsOf(message: Plain): string[] {
  const strings: string[] = []
  gather(message, strings)
  return strings
}

function gather(message: Plain, strings: string[]): void {
  for (const [name, value] of Object.entries(message)) {
    if (IDS.has(name)) continue
    for (const one of Array.isArray(value) ? value : [value]) {
      if (typeof one === 'string') strings.push(one)
      else if (Buffer.isBuffer(one)) strings.push(one.toString('utf8'))
      else if (typeof one === 'object' && one !== null) gather(one as Plain, strings)
      else if (name === 'intValue' || name === 'doubleValue') strings.push(String(one))
    }
  }
}
