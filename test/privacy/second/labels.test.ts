// What only a label tells: every label in the usual places, every form with every such type.

import t from 'tap'
import { futureOracle } from '../../helpers/otlp-oracle.js'
import { stringsOf } from '../entries.js'
import { gatewayRedactor } from '../gateway-redactor.js'
import { Rng } from '../rng.js'
import { hasNeedle, hay } from '../search.js'
import type { TypeSpec, Written } from '../values.js'
import { FORMS } from './forms.js'
import { LABELS } from './labels.js'
import { fill } from './templates.js'
import { typesOf } from './values.js'

const { redact, failures } = gatewayRedactor()
const typeOf = (name: string): TypeSpec => {
  const type = typesOf('second').find(one => one.name === name)
  if (type === undefined) throw new Error(`no type ${name}`)
  return type
}

/** True when the value comes out of an attribute. */
function leaks(key: string, text: string, { needles }: Written): boolean {
  const attributes = [{ key, value: { stringValue: text } }]
  const request = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ attributes }] }] }] }
  const output = futureOracle.decodeRequest('logs', redact('logs', futureOracle.encodeRequest('logs', request)))
  return stringsOf(output).some(found => needles.some(needle => hasNeedle(hay(found), needle)))
}

t.test('every label tells what its value is: as a key, in key=value, in JSON and in a sentence', async t => {
  const leaked: string[] = []
  for (const [name, labels] of Object.entries(LABELS)) {
    const type = typeOf(name)
    for (const label of labels) {
      const value = type.write(new Rng(1, `${name}/${label}`))
      const places = [
        [label, value.text],
        ['note', `x=1 ${label}="${value.text}" y=2`],
        ['note', JSON.stringify({ a: 1, [label]: value.text })],
        ['note', `${label}: ${value.text}`]
      ] as const
      for (const [key, text] of places) if (leaks(key, text, value)) leaked.push(`${name}: ${key} | ${text}`)
    }
  }
  t.same(leaked, [])
})

t.test('every form of writing a label and its value is understood', async t => {
  const leaked: string[] = []
  const names = [
    'bsn',
    'passport',
    'password',
    'api_key',
    'person_name',
    'address',
    'birth',
    'session',
    'phone_national'
  ]
  for (const type of names.map(typeOf)) {
    for (const [at, form] of FORMS.entries()) {
      const rng = new Rng(at % 14, `${type.name}/${form}`)
      const value = type.write(rng)
      const text = fill(rng, { quoting: 'prose', template: form }, type, value.text, true)
      if (leaks('note', text, value)) leaked.push(`${type.name}: ${text}`)
    }
  }
  t.same(leaked, [])
  t.same([...failures], [])
})
