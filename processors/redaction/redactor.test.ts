// The processor over whole OTLP requests, through the real chain.

import fc from 'fast-check'
import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { type Field, MESSAGES, REQUEST_MESSAGE } from '../../core/otlp/schema.js'
import { SIGNALS, type Signal } from '../../core/otlp/signal.js'
import { Chain } from '../../core/pipeline/chain.js'
import redaction from './index.js'

const EMAIL = 'marker.person@leak.example'
const CARD = '4111111111111111'
const silent = { debug() {}, info() {}, warn() {}, error() {} }

interface Run {
  readonly bytes: Buffer
  readonly items: number
  readonly found: Record<string, number>
}

interface Made {
  readonly chain: Chain
  found: Record<string, number>
}
const made = new Map<string, Made>()

/** A chain with only `redaction`; one per config, since making one compiles all detectors. */
function chainFor(config: unknown, signal: Signal): Made {
  const name = `${signal} ${JSON.stringify(config)}`
  const known = made.get(name)
  if (known !== undefined) return known
  const own: { chain?: Chain; found: Record<string, number> } = { found: {} }
  const counter = (kind: string) => (n: number, label?: string) => {
    own.found[`${kind}.${label}`] = (own.found[`${kind}.${label}`] ?? 0) + n
  }
  const count = {
    findings: counter('findings'),
    places: counter('places'),
    workflows: counter('workflows'),
    failed: counter('failed')
  }
  const clock = { now: () => 0, after: () => ({ cancel() {} }) }
  const processor = redaction.create(configOf(redaction.schema, config), { id: 'redaction', log: silent, clock, count })
  const failed = (_: string, error: unknown): never => {
    throw error
  }
  own.chain = new Chain(signal, [{ id: 'redaction', processor, mutates: true }], { failed })
  made.set(name, own as Made)
  return own as Made
}

/** One request through such a chain. */
function run(bytes: Buffer, config: unknown = {}, signal: Signal = 'traces'): Run {
  const used = chainFor(config, signal)
  used.found = {}
  const result = used.chain.run(bytes)
  return { bytes: result.bytes, items: result.items, found: used.found }
}

// ---- a small writer, so that these tests do not lean on what they test

function varint(value: number | bigint): Buffer {
  const out: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  do {
    out.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0))
    rest >>= 7n
  } while (rest > 0n)
  return Buffer.from(out)
}

function bytesField(number: number, content: Buffer | string): Buffer {
  const body = Buffer.from(content)
  return Buffer.concat([varint((number << 3) | 2), varint(body.length), body])
}

const any = {
  string: (text: string) => bytesField(1, text),
  int: (value: bigint) => Buffer.concat([varint(3 << 3), varint(value)]),
  bytes: (content: Buffer) => bytesField(7, content),
  map: (pairs: [string, Buffer][]) => bytesField(6, Buffer.concat(pairs.map(([k, v]) => bytesField(1, pair(k, v))))),
  array: (values: Buffer[]) => bytesField(5, Buffer.concat(values.map(v => bytesField(1, v))))
}

function pair(key: string, value: Buffer): Buffer {
  return Buffer.concat([bytesField(1, key), bytesField(2, value)])
}

/** A request of one span with these attributes. */
function spanWith(attributes: [string, Buffer][], name = 'step load'): Buffer {
  const ids = [bytesField(1, Buffer.alloc(16, 1)), bytesField(2, Buffer.alloc(8, 1)), bytesField(5, name)]
  const span = Buffer.concat([...ids, ...attributes.map(([k, v]) => bytesField(9, pair(k, v)))])
  return bytesField(1, bytesField(2, bytesField(2, span)))
}

function textOf(attributes: [string, Buffer][], config: unknown = {}): string {
  return run(spanWith(attributes), config).bytes.toString('utf8')
}

t.test('what is found is replaced, the rest of the text stays', async t => {
  const out = textOf([['note', any.string(`mail ${EMAIL} today`)]])
  t.match(out, 'mail [REDACTED:email] today')
})

t.test('a request without anything personal comes out as the same buffer', async t => {
  const input = spanWith([
    ['workflow.name', any.string('ledger-close')],
    ['n', any.int(42n)]
  ])
  t.equal(run(input).bytes, input)
})

t.test('numbers are looked at, become text when hit, and stay numbers under an id', async t => {
  t.match(textOf([['pay.card', any.int(BigInt(CARD))]]), '[REDACTED:credit_card]')
  const input = spanWith([['order.id', any.int(BigInt(CARD))]])
  t.equal(run(input).bytes, input)
})

t.test('keys, nested maps, lists and bytes are looked through', async t => {
  const nested = any.map([['a', any.array([any.map([['b', any.string(EMAIL)]])])]])
  for (const attribute of [
    [EMAIL, any.string('x')],
    ['m', nested],
    ['b', any.bytes(Buffer.from(`to ${EMAIL}`))]
  ] as [string, Buffer][]) {
    const out = textOf([attribute])
    t.notMatch(out, 'leak.example')
    t.match(out, '[REDACTED:email]')
  }
})

t.test('text that is no UTF-8, or longer than the limit, goes as a whole and is counted', async t => {
  const broken = run(spanWith([['note', bytesField(1, Buffer.from([0x61, 0xff, 0x62]))]]))
  t.match(broken.bytes.toString(), '[REDACTED:undecodable]')
  t.equal(broken.found['failed.undecodable'], 1)
  const long = run(spanWith([['note', any.string(`${'x'.repeat(2000)} ${EMAIL}`)]]), { max_scan_bytes: 1024 })
  t.match(long.bytes.toString(), '[REDACTED:too_long]')
  t.equal(long.found['failed.too_long'], 1)
})

t.test('findings are counted by detector and place', async t => {
  const { found } = run(spanWith([['note', any.string(EMAIL)]], `load ${CARD}`))
  t.match(found, {
    'findings.email': 1,
    'findings.credit_card': 1,
    'places.span.attributes': 1,
    'places.span.name': 1
  })
})

t.test('redact_fields fit exact keys, other spellings, tails, nested pairs and globs', async t => {
  const rules = { redact_fields: ['user_id', 'payment.*.number', '=Exact.Key'] }
  const hits: [string, Buffer][] = [
    ['user_id', any.string('v1')],
    ['userId', any.string('v1')],
    ['app.user.id', any.string('v1')],
    ['USER-ID', any.int(7n)],
    ['payment.card.number', any.string('v1')],
    ['Exact.Key', any.string('v1')],
    ['user', any.map([['id', any.string('v1')]])]
  ]
  for (const hit of hits) t.match(textOf([hit], rules), '[REDACTED]', hit[0])
  for (const key of ['other_user_id', 'user_ids', 'payment.number', 'exact.key']) {
    t.match(textOf([[key, any.string('v1')]], rules), 'v1', key)
  }
})

t.test('redact_fields also fit keys that are written in a text', async t => {
  const rules = { redact_fields: ['account', 'shoe_size'] }
  const of = (text: string): string => textOf([['body', any.string(text)]], rules)
  t.match(of('{"account":"a 7","b":"x"}'), '{"account":"[REDACTED]","b":"x"}')
  t.match(of('shoeSize=44 ok'), 'shoeSize=[REDACTED] ok')
  t.match(of('<account>a7</account>'), '<account>[REDACTED]</account>')
  t.match(of('the account was locked'), 'the account was locked')
})

t.test('every action does what it says', async t => {
  const attribute: [string, Buffer] = ['note', any.string(`to ${EMAIL}.`)]
  const key = { hash_key: 'a key of sixteen characters' }
  t.match(textOf([attribute], { action: 'mask' }), 'to ******.******@leak.example.')
  t.match(textOf([attribute], { action: 'hash', ...key }), /to h1:[a-z2-7]{4}:[a-z2-7]{24}\./)
  t.match(textOf([attribute], { action: 'tokenize', ...key }), /to \[email:[a-z2-7]{16}\]\./)
  t.match(textOf([attribute], { action: 'report' }), EMAIL)
  t.notMatch(textOf([attribute], { action: 'drop' }), 'note')
  t.equal(run(spanWith([attribute]), { action: 'drop_item' }).items, 0)
  t.match(textOf([attribute], { detectors: { email: 'off' } }), EMAIL)
  t.match(textOf([attribute], { detectors: { all: 'off', email: 'redact' } }), '[REDACTED:email]')
})

t.test('tokens agree within a workflow and differ between workflows', async t => {
  const config = { action: 'tokenize', hash_key: 'a key of sixteen characters' }
  const token = (workflow: string, email: string): string =>
    /\[email:[a-z2-7]{16}\]/.exec(
      textOf(
        [
          ['workflow.name', any.string(workflow)],
          ['note', any.string(email)]
        ],
        config
      )
    )![0]
  t.equal(token('a', EMAIL), token('a', EMAIL.toUpperCase()))
  t.not(token('a', EMAIL), token('b', EMAIL))
})

t.test('tokens agree within a tenant when an attribute is the scope, and everywhere when all is', async t => {
  const tokenOf = (token_scope: string, workflow: string, tenant: string | undefined): string => {
    const own: [string, ReturnType<typeof any.string>][] = [
      ['workflow.name', any.string(workflow)],
      ['note', any.string(EMAIL)]
    ]
    if (tenant !== undefined) own.push(['tenant.id', any.string(tenant)])
    const text = textOf(own, { action: 'tokenize', hash_key: 'a key of sixteen characters', token_scope })
    return /\[email:[a-z2-7]{16}\]/.exec(text)![0]
  }
  t.equal(tokenOf('tenant.id', 'a', 'acme'), tokenOf('tenant.id', 'b', 'acme'))
  t.not(tokenOf('tenant.id', 'a', 'acme'), tokenOf('tenant.id', 'a', 'globex'))
  t.equal(tokenOf('tenant.id', 'a', undefined), tokenOf('tenant.id', 'b', undefined))
  t.equal(tokenOf('global', 'a', 'acme'), tokenOf('global', 'b', 'globex'))
})

t.test('a mask shows the last characters, the domain and the shape, or less when told so', async t => {
  const masked = (text: string, mask: object): string => textOf([['note', any.string(text)]], { action: 'mask', mask })
  t.match(masked('card 4111-1111-1111-1111', {}), '****-****-****-1111')
  t.match(masked('card 4111-1111-1111-1111', { keep_last: 0, keep_shape: false }), `card ${'*'.repeat(19)}`)
  t.match(masked('to ada.lovelace@example.org', {}), '***.********@example.org')
  t.match(masked('to ada.lovelace@example.org', { keep_domain: false, keep_last: 3 }), '***.********@*******.org')
})

t.test('a workflow may have settings of its own', async t => {
  const config = { by_workflow: { secret: { mode: 'allow_list' }, open: { detectors: { email: 'off' } } } }
  const of = (workflow: string): string =>
    textOf(
      [
        ['workflow.name', any.string(workflow)],
        ['free.text', any.string(EMAIL)]
      ],
      config
    )
  t.notMatch(of('secret'), 'free.text')
  t.match(of('open'), EMAIL)
  t.match(of('other'), '[REDACTED:email]')
})

t.test('in allow_list mode only listed keys pass, and what they hold is looked through', async t => {
  const attributes: [string, Buffer][] = [
    ['step.name', any.string(`load ${EMAIL}`)],
    ['http.request.method', any.string('GET')],
    ['customer.note', any.string('harmless')],
    ['own.key', any.string('mine')]
  ]
  const out = textOf(attributes, { mode: 'allow_list', allow_list: { keys: ['own.key'] } })
  t.match(out, 'load [REDACTED:email]')
  t.match(out, 'GET')
  t.match(out, 'mine')
  t.notMatch(out, 'harmless')
})

t.test("the Collector's keys keep their meaning", async t => {
  const attributes: [string, Buffer][] = [
    ['a', any.string('id 12345 here')],
    ['b.token', any.string('x')],
    ['c', any.string('12345')]
  ]
  t.match(textOf(attributes, { detectors: { all: 'off' }, blocked_values: ['[0-9]{5}'] }), 'id **** here')
  t.match(textOf(attributes, { blocked_key_patterns: ['.*token$'] }), '****')
  const allowed = textOf(attributes, {
    allow_all_keys: false,
    allowed_keys: ['c'],
    ignored_keys: ['a'],
    blocked_values: ['[0-9]{5}']
  })
  t.match(allowed, 'id 12345 here')
  t.notMatch(allowed, 'token')
  t.match(allowed, '****')
  const summed = textOf(attributes, { blocked_values: ['[0-9]{5}'], summary: 'debug' })
  t.match(summed, 'redaction.masked.keys')
  t.match(summed, 'a,c')
})

t.test('own patterns take a group, a context and a checksum', async t => {
  const patterns = [
    { name: 'staff_id', pattern: 'EMP-([0-9]{4})', group: 1, context: ['staff'] },
    { name: 'luhn_id', pattern: '\\b[0-9]{8}\\b', checksum: 'luhn' }
  ]
  t.match(textOf([['a', any.string('staff EMP-1234')]], { patterns }), 'staff EMP-[REDACTED:staff_id]')
  t.match(textOf([['a', any.string('part EMP-1234')]], { patterns }), 'part EMP-1234')
  t.match(textOf([['a', any.string('n 12345674 12345675')]], { patterns }), 'n [REDACTED:luhn_id] 12345675')
})

t.test('statements lose their literals when asked for', async t => {
  const config = { statements: 'obfuscate' }
  const of = (statement: string): string => textOf([['db.statement', any.string(statement)]], config)
  t.match(
    of("SELECT a FROM t1 WHERE name = 'Ada' AND n IN (1, 2.5) -- secret"),
    'SELECT a FROM t1 WHERE name = ? AND n IN (?)'
  )
  t.match(of('SET user:1 Ada EX 10'), 'SET ? ? ? ?')
  t.match(of('{"find":"users","filter":{"name":"Ada","n":3}}'), '{"find":"?","filter":{"name":"?","n":?}}')
})

t.test('wrong settings are named before anything starts', async t => {
  const problems = redaction.validate!(
    configOf(redaction.schema, { detectors: { emial: 'off' }, blocked_values: ['('] })
  )
  t.match(problems.map(problem => problem.says).join(' '), /no detector `emial`/)
  t.match(problems.map(problem => problem.says).join(' '), /no RE2 pattern/)
})

// ---- coverage by construction

/** Every field of every message that can carry text, holding the marker. `nested` is how deep AnyValues go. */
function filled(name: string, nested: number): Buffer {
  const message = MESSAGES.get(name)
  if (message === undefined) throw new Error(`no message ${name}`)
  if (name === 'AnyValue') return anyValue(nested)
  return Buffer.concat(message.fields.flatMap(field => fieldOf(field, nested)))
}

function anyValue(nested: number): Buffer {
  const choices = [any.string(EMAIL), any.int(BigInt(CARD)), any.bytes(Buffer.from(EMAIL)), doubleOf(Number(CARD))]
  if (nested === 0) return choices[0]!
  const inner = choices.map((choice, i): [string, Buffer] => [`k${i}`, choice])
  return any.map([...inner, ['deep', any.array([...choices, anyValue(nested - 1)])], [EMAIL, choices[0]!]])
}

function doubleOf(value: number): Buffer {
  const out = Buffer.alloc(9)
  out[0] = (4 << 3) | 1
  out.writeDoubleLE(value, 1)
  return out
}

function fieldOf(field: Field, nested: number): Buffer[] {
  if (field.message !== undefined) {
    if (field.message === 'AnyValue' || field.message === 'KeyValue')
      return [bytesField(field.number, filled(field.message, nested))]
    return [bytesField(field.number, filled(field.message, nested))]
  }
  if (field.policy === 'identifier')
    return [bytesField(field.number, Buffer.alloc(field.name === 'trace_id' ? 16 : 8, 1))]
  if (field.type === 'string' || field.type === 'bytes') return [bytesField(field.number, EMAIL)]
  return []
}

for (const signal of SIGNALS) {
  t.test(`no field of a ${signal} request lets a marker through`, async t => {
    const input = filled(REQUEST_MESSAGE[signal], 2)
    t.match(input.toString('latin1'), EMAIL)
    const { bytes, items } = run(input, {}, signal)
    t.ok(items > 0)
    t.notMatch(bytes.toString('latin1'), 'leak.example')
    t.notMatch(bytes.toString('latin1'), CARD)
  })
}

t.test('a field that OTLP does not know yet is looked through, cut, or kept, as configured', async t => {
  const request = (content: string): Buffer => {
    const ids = [bytesField(1, Buffer.alloc(16, 1)), bytesField(2, Buffer.alloc(8, 1))]
    return bytesField(1, bytesField(2, bytesField(2, Buffer.concat([...ids, bytesField(29, content)]))))
  }
  t.notMatch(run(request(`x ${EMAIL}`)).bytes.toString(), 'leak')
  t.match(run(request('harmless')).bytes.toString(), 'harmless')
  t.notMatch(run(request('harmless'), { unknown_fields: 'drop' }).bytes.toString(), 'harmless')
  t.match(run(request(EMAIL), { unknown_fields: 'keep' }).bytes.toString(), EMAIL)
})

// ---- properties

const ENCODINGS: Readonly<Record<string, (text: string) => string>> = {
  plain: text => text,
  percent: text => text.replace(/[^a-z]/gi, c => `%${c.charCodeAt(0).toString(16)}`),
  twice: text => encodeURIComponent(encodeURIComponent(text)),
  unicode: text => text.replace(/[@.]/g, c => `\\u00${c.charCodeAt(0).toString(16)}`),
  entity: text => text.replace(/[@.]/g, c => `&#${c.charCodeAt(0)};`),
  base64: text => Buffer.from(text).toString('base64'),
  base64url: text => Buffer.from(`{"a":"${text}"}`).toString('base64url'),
  wide: text => text.replace(/[!-~]/g, c => String.fromCharCode(c.charCodeAt(0) + 0xfee0)),
  zeroWidth: text => [...text].join('\u200b')
}

t.test('an address planted between any words, in any writing, does not come out', async () => {
  const word = fc.stringMatching(/^[A-Za-z0-9]{1,8}$/)
  const local = fc.stringMatching(/^[a-z][a-z0-9]{2,9}$/)
  fc.assert(
    fc.property(word, local, word, fc.constantFrom(...Object.keys(ENCODINGS)), (before, name, after, encoding) => {
      const planted = ENCODINGS[encoding]!(`${name}@leak.example`)
      const out = textOf([['note', any.string(`${before} ${planted} ${after}`)]])
      return !out.includes(planted)
    }),
    { numRuns: 300 }
  )
})

t.test('text without digits, signs or labels is never changed', async () => {
  const text = fc.array(
    fc.constantFrom('step', 'load', 'done', 'retry', 'cache', 'merge', 'order', 'item', 'Über', 'naïve'),
    { maxLength: 12 }
  )
  fc.assert(
    fc.property(text, words => {
      const input = spanWith([['note', any.string(words.join(' '))]])
      return run(input).bytes === input
    }),
    { numRuns: 200 }
  )
})

t.test('no bytes make it throw', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.uint8Array({ maxLength: 100 }), (text, bytes) => {
      run(
        spanWith([
          ['note', any.string(text)],
          ['b', any.bytes(Buffer.from(bytes))],
          [text.slice(0, 20), any.string('x')]
        ])
      )
      return true
    }),
    { numRuns: 500 }
  )
})
