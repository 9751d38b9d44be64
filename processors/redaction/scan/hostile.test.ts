// Time: whatever a value holds, a byte of it costs little. Strings made to be slow, doubled in length: the cost may double.

import fc from 'fast-check'
import t from 'tap'
import { DETECTORS, OPTIONAL } from '../detectors/index.js'
import { NOWHERE, Scanner } from './scanner.js'

const scanner = new Scanner([...DETECTORS, ...OPTIONAL])

/** Pieces that begin many candidates and finish none. */
const PIECES = [
  'Ada ',
  'Ada Van ',
  'Ada de ',
  'Dr. A. ',
  'Aa',
  '@',
  'a@',
  'a@b',
  'a.b@',
  '1',
  '1-',
  '1 ',
  '1.',
  '(1',
  '+1',
  '4111 ',
  '4111111111111111 ',
  '00',
  'a1',
  'A1',
  'AB12 ',
  'DE89 ',
  '::',
  'a:',
  '1:',
  'ff:',
  '-',
  '--',
  '-----BEGIN PRIVATE KEY-----',
  '-----BEGIN ',
  'eyJ',
  'eyJa.',
  'sk-',
  'sk-a-',
  'ghp_',
  'AKIA',
  '://',
  '://a',
  '://a:',
  '://a:b',
  'password',
  'password ',
  'password=',
  'password:',
  'password "',
  "password '",
  '<password ',
  '<password>',
  'password value',
  'password for a ',
  'token is ',
  '"token":',
  '\\"token\\":',
  'Bearer ',
  'Basic a',
  'Cookie: a=',
  'a=b; ',
  'sess',
  'a_session=',
  'sid=',
  'customer ',
  'customer A',
  'customer Aa ',
  'Dear A',
  'street ',
  'address 1 ',
  '1 Main ',
  '12 A ',
  'ssn ',
  'ssn:',
  'born ',
  'born 1 ',
  'dob 12-',
  'passport ',
  'licence A1 ',
  'A1-',
  'order ',
  'order is ',
  'id:',
  'id=',
  "'x' for key '",
  "'",
  '"',
  '`',
  '(',
  '((',
  '[',
  '{',
  '{"a":',
  ',',
  'a,',
  'a,b\n',
  'ssn,a\n',
  '|',
  '| ssn ',
  'INSERT INTO t (ssn) VALUES (',
  '(ssn) values (1),',
  '%',
  '%4',
  '%40',
  '%2540',
  '\\u0040',
  '\\',
  '\\n',
  '&',
  '&#',
  '&#64;',
  '&amp;',
  '&a',
  'YWRh',
  'QUFB',
  'YQ==',
  'A/',
  'A_',
  'A-',
  'é',
  '\u200b',
  '１',
  '＠',
  '\u0000',
  '\ud800',
  '/',
  '?sig=',
  '&sig=',
  'sig=a',
  '0x',
  '0xa',
  '1A1z',
  'bc1q',
  '\n',
  ' ',
  '\t',
  'xoxb-',
  'hooks.slack.com/services/',
  'value=',
  'password\n',
  'password\nvalue',
  'jdbc:oracle:thin:',
  'connect a/',
  'mysql -a b ',
  '-u a:',
  'AccountKey=;',
  'Password=a;',
  'twilio ',
  'SK0',
  'Calle A',
  'rue a',
  'Herr A ',
  'A. ',
  "O'",
  'van ',
  'A van ',
  '"field":"ssn",',
  '{"kind":"',
  '"name":"password","x":',
  'field="ssn" ',
  ' as ',
  ' is her ',
  'x as password ',
  'A1b2c3 is her password ',
  '(password) ',
  '[ssn] ',
  'VALUES ($1',
  '(a) values (?,',
  'ssn = $1 ',
  "$1 = 'x',",
  '[7, "x"] ',
  ', got ',
  'password by a: ',
  '/token/',
  'password: null -> ',
  'password <',
  '<password a="b">',
  '<td>ssn</td>',
  '("password",',
  '[["ssn",',
  'password?',
  'Ada Lovelace <',
  'Aa Bb Cc <a@',
  'password(',
  'password: {"$eq":',
  '{"old":null,',
  'password ...',
  'password::text',
  "password in ('x',",
  '["password",',
  'Hello A',
  '密码: ',
  'customer name name ',
  'Just "',
  '1 Main as street ',
  'Flat A, 1 a as address ',
  'A Bb is our customer ',
  'copy a (ssn) from ',
  '{{ .a ',
  'x for ssn. ',
  '"value":"x","key":"',
  '%51&#x2d;',
  '11 '
]
const BYTES = 8192

/** CPU time of scanning a text, in microseconds a byte; the best of a few. */
function cost(text: string): number {
  const bytes = Buffer.from(text)
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < 2; i++) {
    const before = process.cpuUsage()
    scanner.scan(text, scanner.prefilter.mask(bytes, 0, bytes.length), NOWHERE)
    const used = process.cpuUsage(before)
    best = Math.min(best, (used.user + used.system) / bytes.length)
  }
  return best
}

/** Pairs that were slow once. */
const PAIRS = [
  'Cookie: a=a=b; ',
  ',Cookie: a=sid=',
  '((((((((((((ssn ',
  'a=b; 1 1 1 1 1 ',
  'a,password for a ',
  "\\nDear Apassword '"
]

t.test('no string costs more than a few microseconds a byte, and twice the length no more a byte', async t => {
  cost('Error: card 4111 1111 1111 1111 of ada@example.org declined, password=hunter22 '.repeat(100))
  const slow: string[] = []
  for (const piece of [...PIECES, ...PAIRS]) {
    const short = cost(piece.repeat(Math.ceil(BYTES / piece.length)))
    const long = cost(piece.repeat(Math.ceil((4 * BYTES) / piece.length)))
    if (long > 2 && long > short * 2.5)
      slow.push(`${JSON.stringify(piece)} ${short.toFixed(2)} -> ${long.toFixed(2)} us a byte`)
    else if (long > 8) slow.push(`${JSON.stringify(piece)} ${long.toFixed(2)} us a byte`)
  }
  t.same(slow, [])
})

t.test('no joined-up pieces cost more than twenty times what a line full of hits costs', async t => {
  const usual = cost('Error: card 4111 1111 1111 1111 of ada@example.org declined, password=hunter22 '.repeat(100))
  const pieces = fc.array(fc.constantFrom(...PIECES), { minLength: 2, maxLength: 4 }).map(some => some.join(''))
  fc.assert(
    fc.property(pieces, piece => cost(piece.repeat(Math.ceil(BYTES / piece.length))) < Math.max(4, 20 * usual)),
    { numRuns: 150, interruptAfterTimeLimit: 5000 }
  )
  t.ok(usual > 0)
})
