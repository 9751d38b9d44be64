// What stands around a value: a telling key, a sentence, a document, a statement, a dump.

import type { Rng } from './rng.js'
import type { TypeSpec } from './values.js'

const words = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[_. -]+/)
const title = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)
const camel = (name: string): string =>
  words(name)
    .map((word, at) => (at === 0 ? word : title(word)))
    .join('')

/** A key in one of the ways that people write keys. */
export function styledKey(rng: Rng, base: string): string {
  if (base.includes('.')) return base
  const owner = rng.pick(['', '', '', 'customer', 'user', 'request', 'payload', 'app', 'form', 'input'])
  const whole = owner === '' ? base : `${owner}_${base}`
  return rng.pick([
    whole,
    whole,
    camel(whole),
    camel(whole),
    whole.replaceAll('_', '-'),
    owner === '' ? base : `${owner}.${base}`,
    owner === '' ? base : `${owner}.${camel(base)}`,
    title(camel(whole)),
    whole.toUpperCase()
  ])
}

/** A key for a field of a document, without dots. */
const fieldKey = (rng: Rng, base: string): string => {
  const flat = base.replaceAll('.', '_')
  return rng.pick([flat, flat, camel(flat), flat.toUpperCase(), title(camel(flat))])
}

export const NEUTRAL_KEYS = [
  'note',
  'detail',
  'comment',
  'message',
  'input',
  'remark',
  'content',
  'description',
  'memo',
  'text',
  'arg0',
  'payload',
  'app.note',
  'exception.message',
  'step.detail',
  'request.body',
  'task.input',
  'rpc.message',
  'output.preview',
  'hint'
] as const
const NEUTRAL_FIELDS = [
  'note',
  'detail',
  'comment',
  'input',
  'remark',
  'content',
  'memo',
  'text',
  'arg',
  'data'
] as const

const PROSE: readonly string[] = [
  'could not process {v} in this batch',
  'gave up on {v} after 4 attempts',
  'queue worker picked up {v} and stopped',
  'rejected by upstream: {v}',
  'Unexpected value {v} while reading row 17',
  'the lookup of {v} returned nothing',
  'java.lang.IllegalArgumentException: bad value "{v}"\n\tat com.acme.flow.Reader.read(Reader.java:88)\n\tat com.acme.flow.Main.main(Main.java:12)',
  'Traceback (most recent call last):\n  File "/srv/flow/step.py", line 41, in run\nValueError: cannot handle \'{v}\'',
  'panic: unhandled {v}\n\ngoroutine 17 [running]:\nmain.run()\n\t/src/main.go:55',
  'user asked us to remove {v}, please confirm',
  'Sent to {v}.',
  'retrying {v}... (2 of 5)',
  'found duplicate ({v}) in the import file',
  'skipped [{v}] because the step was cached',
  'handler failed; argument was {v}; will retry',
  'line 1: ok\nline 2: {v}\nline 3: ok',
  'step "enrich" saw {v} twice',
  '{v} was not accepted',
  '{v}',
  'seen: {v}',
  'deleted {v} from the store at the request of its owner',
  'Could not match {v}; falling back to manual review',
  'expected something else but got "{v}"',
  'import finished with a warning about {v}, see the report',
  '<{v}> bounced',
  'audit: operator looked up {v}',
  '* {v}\n* second entry',
  'Haskell exception: UserError "no match for {v}"\nCallStack (from HasCallStack):\n  error, called at src/Flow/Step.hs:77:13 in flow:Flow.Step'
]

const LABELLED: readonly string[] = [
  '{L}: {v}',
  '{L} = {v}',
  '{L} is {v}',
  'validation failed for {L} "{v}"',
  'the {L} on file is {v}',
  "could not parse {L}: '{v}'",
  'the {L} ({v}) was rejected by the partner',
  'received {L} {v} from the form',
  'customer changed {L} to {v}',
  '{L} given at registration was {v}',
  'unable to verify {L} [{v}], manual check needed',
  'import row 12 has {L}: {v}, skipped',
  'Invalid {L}: {v}',
  'step failed\n{L}: {v}\nattempt: 2',
  '{L} (as typed by hand): {v}',
  '{L} taken from the second form: {v}',
  '{L} copied out of the old system is {v}',
  'form refused, please check {L}: {v}',
  'mismatch between state (open) and {L} ({v})',
  'new {L} -> {v}',
  '{L}\n  {v}'
]

type Container = (rng: Rng, key: string, value: string, raw: boolean) => string

const json = (value: string, raw: boolean): string => (raw ? `"${value}"` : JSON.stringify(value))
const quoted = (value: string): string => (/[\s,;"'()]/.test(value) ? `"${value}"` : value)

const CONTAINERS: readonly Container[] = [
  (rng, key, value, raw) => `{"seq":${rng.int(1, 99)},"${key}":${json(value, raw)},"ok":true}`,
  (_, key, value, raw) => `{"kind":"update","data":{"${key}":${json(value, raw)},"tags":["a","b"]}}`,
  (rng, key, value, raw) => `{\n  "attempt": ${rng.int(1, 9)},\n  "${key}": ${json(value, raw)},\n  "state": "open"\n}`,
  (_, key, value, raw) =>
    raw ? `body={"${key}":"${value}"}` : JSON.stringify(`{"${key}":${json(value, false)},"v":2}`),
  (_, key, value, raw) => `[{"${key}": ${json(value, raw)}}, {"state": "done"}]`,
  (rng, key, value) => `- seq: ${rng.int(1, 99)}\n  ${key}: ${quoted(value)}\n  state: open`,
  (_, key, value) => `form:\n  ${key}: ${quoted(value)}\n`,
  (_, key, value) => `<row><state>open</state><${key}>${value}</${key}></row>`,
  (_, key, value) => `<entry state="open" ${key}="${value.replaceAll('"', '&quot;')}" />`,
  (rng, key, value) => `level=warn attempt=${rng.int(1, 9)} ${key}=${quoted(value)} state=open`,
  (_, key, value) => `msg="form refused" ${key}="${value}" took=12ms`,
  (rng, key, value) => `INSERT INTO forms (seq, ${key}, state) VALUES (${rng.int(1, 99)}, '${sql(value)}', 'open')`,
  (_, key, value) =>
    `insert into archive.people(state, created, ${key}) values ('open', now(), '${sql(value)}') returning seq`,
  (rng, key, value) => `UPDATE forms SET ${key} = '${sql(value)}' WHERE seq = ${rng.int(1, 99)}`,
  (_, key, value) => `SELECT seq, state FROM forms WHERE ${key} = '${sql(value)}' AND state <> 'closed' LIMIT 10`,
  (rng, key, value) => `seq,${key},state\n${rng.int(1, 99)},${quoted(value)},open`,
  (_, key, value) => `state;${key};step\nopen;${value.includes(';') ? `"${value}"` : value};enrich`,
  (_, key, value) => `flowctl submit --${words(key).join('-')} ${quoted(value)} --dry-run`,
  (_, key, value) => `flowctl submit --verbose --${words(key).join('-')}=${quoted(value)}`,
  (rng, key, value) => `Form{seq=${rng.int(1, 99)}, ${key}=${value}, active=true}`,
  (rng, key, value) => `Form(seq=${rng.int(1, 99)}, ${key}='${value}', state=OPEN)`,
  (rng, key, value) => `{Seq:${rng.int(1, 99)} ${title(camel(key))}:${value} Active:true}`,
  (rng, key, value) => `Form { seq = ${rng.int(1, 99)}, ${camel(key)} = "${value}", active = True }`,
  (_, key, value) => `invalid input field=${key} value=${quoted(value)}`,
  (_, key, value) => `schema error: field '${key}', got: "${value}"`,
  (_, key, value) => `{'state': 'open', '${key}': '${value}'}`,
  (_, key, value) => `X-${words(key).map(title).join('-')}: ${value}`,
  (_, key, value) =>
    `POST /forms HTTP/1.1\nHost: forms.acme-data.net\nX-${words(key).map(title).join('-')}: ${value}\nAccept: */*`,
  (_, key, value) => `${key}\t${value}\nstate\topen`,
  (rng, key, value) => `INSERT INTO forms (seq, ${key}) VALUES (${rng.int(1, 9)}, 'n/a'), (10, '${sql(value)}')`,
  (rng, key, value) => `seq,step,${key},state\n${rng.int(1, 9)},load,,open\n10,clean,${quoted(value)},open`,
  (rng, key, value) => `HSET form:${rng.int(1, 99)} state open ${key} ${quoted(value)}`,
  (_, key, value, raw) => `db.forms.find({ "${key}": ${json(value, raw)} }).limit(5)`,
  (_, key, value) => `export FLOW_${words(key).join('_').toUpperCase()}=${quoted(value)}`,
  (_, key, value) => `[form]\nstate = "open"\n${key} = "${value}"`,
  (_, key, value, raw) =>
    `{"query":"mutation($a: String!) { save(a: $a) }","variables":{"${key}":${json(value, raw)},"limit":5}}`,
  (_, key, value) =>
    `array(2) {\n  ["state"]=>\n  string(4) "open"\n  ["${key}"]=>\n  string(${value.length}) "${value}"\n}`,
  (_, key, value) => `Parameters: {"state"=>"open", "${key}"=>"${value}"}`,
  (_, key, value) => `{state=open, ${key}=${value}, attempt=2}`,
  (_, key, value) => `--b7f3\nContent-Disposition: form-data; name="${key}"\n\n${value}\n--b7f3--`,
  (_, key, value) => `unexpected row: ${key}='${value}' (state='open')`,
  (_, key, value) => `Key (${key})=(${value}) already exists.`,
  (_, key, value) => `"${key}" must match the pattern, value: "${value}"`
]
// Documents that hold a text of several lines.
const LONG_CONTAINERS = [0, 1, 2, 4].map(at => CONTAINERS[at] as Container)

const sql = (value: string): string => value.replaceAll("'", "''")
const put = (template: string, label: string, value: string): string =>
  template.replace('{L}', () => label).replace('{v}', () => value)

export interface Piece {
  readonly value: string
  /** The value holds escapes that a JSON writer must not escape again. */
  readonly raw: boolean
}

/** A value in a sentence that does not tell what it is. */
export function inProse(rng: Rng, { value }: Piece): string {
  if (value.includes('\n')) return rng.pick(['loaded:\n', 'bad input\n', '']) + value
  return put(rng.pick(PROSE), '', value)
}

/** A value in a document, statement or dump under a field name that does not tell what it is. */
export function inNeutralDocument(rng: Rng, { value, raw }: Piece): string {
  const from = value.includes('\n') ? LONG_CONTAINERS : CONTAINERS
  return rng.pick(from)(rng, rng.pick(NEUTRAL_FIELDS), value, raw)
}

/** A value whose type is told by the text around it. */
export function withLabel(rng: Rng, type: TypeSpec, piece: Piece): string {
  const { value, raw } = piece
  if (value.includes('\n')) return rng.pick(LONG_CONTAINERS)(rng, fieldKey(rng, rng.pick(type.keys)), value, raw)
  if (rng.chance(0.35)) {
    const label = rng.pick(type.labels)
    return put(rng.pick(LABELLED), rng.chance(0.2) ? title(label) : label, value)
  }
  if (/^(?:[\w.~-]|%[0-9A-Fa-f]{2})+$/.test(value) && rng.chance(0.2)) {
    const key = rng.pick(type.keys).replaceAll('.', '_')
    return rng.pick([
      `/v2/forms?${key}=${value}&page=2`,
      `https://forms.acme-data.net/find?page=1&${key}=${value}`,
      `GET /forms?${key}=${value} 404`
    ])
  }
  return rng.pick(CONTAINERS)(rng, fieldKey(rng, rng.pick(type.keys)), value, raw)
}

/** A few characters for places that hold a name or a word: a unit, a severity, a version. */
export function short(rng: Rng, type: TypeSpec, { value }: Piece, needsContext: boolean): string {
  const key = rng.pick(type.keys).replaceAll('.', '_')
  if (needsContext)
    return rng.pick([
      `${key}=${value}`,
      `${key}: ${value}`,
      `${rng.pick(type.labels)} ${value}`,
      `${key}=${quoted(value)}`
    ])
  return rng.pick([value, value, `run ${value}`, `for ${value}`, `[${value}]`, `${key}=${value}`, `(${value})`])
}
