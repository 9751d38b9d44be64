// The types of the second corpus: values and the words people use for them, written without a look at the first corpus.

import * as checks from '../checksums.js'
import { ALNUM, BASE32, BASE64URL, LOWER, type Rng } from '../rng.js'
import { bare, compactNeedle, labelled, shaped, type TypeSpec, textNeedle, type Written } from '../values.js'
import { FIRST_NAMES, STREETS, SURNAMES, TOWNS } from './words.js'

/** Which set of words and templates: `second` may be read when something is missed, `heldout` only its totals. */
export type Split = 'second' | 'heldout'

interface Words {
  readonly keys: readonly string[]
  readonly labels: readonly string[]
}

interface SplitType extends Omit<TypeSpec, 'keys' | 'labels'> {
  readonly second: Words
  readonly heldout: Words
}

const words = (keys: string, labels: string): Words => ({ keys: keys.split(' '), labels: labels.split('|') })

const grouped = (digits: string, sizes: readonly number[], separator: string): string => {
  let at = 0
  return sizes
    .map(size => {
      at += size
      return digits.slice(at - size, at)
    })
    .join(separator)
}

function until(make: () => string, isRight: (text: string) => boolean): string {
  for (let text = make(); ; text = make()) if (isRight(text)) return text
}

const plainLetters = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z]/g, '')

function email(rng: Rng): Written {
  const first = plainLetters(rng.pick(FIRST_NAMES))
  const last = plainLetters(rng.pick(SURNAMES))
  const local = rng.pick([
    `${first}.${last}${rng.digits(2)}`,
    `${first}_${last}${rng.digits(1)}`,
    `${last}${rng.digits(4)}`,
    `${first}${last}${rng.digits(2)}`,
    `${first}-${last}.${rng.chars(LOWER, 2)}`,
    `${first.toUpperCase()}.${last.toUpperCase()}${rng.digits(2)}`
  ])
  const tag = rng.chance(0.12) ? `+${rng.pick(['bills', 'test1', 'shop', 'news-2024'])}` : ''
  const host = rng.pick([
    'gmail.com',
    'outlook.de',
    'proton.me',
    'btinternet.co.uk',
    'web.de',
    'orange.fr',
    'uol.com.br',
    'example.org',
    'mail.corp.example.net',
    'bücher.example',
    'xn--bcher-kva.example',
    'студия.рф',
    'acme.technology',
    'sub.tax-office.gov.au',
    'naver.co.kr'
  ])
  return shaped(`${local}${tag}@${host}`, local)
}

function internationalPhone(rng: Rng): Written {
  const national = rng.pick([
    { code: '49', body: `151${rng.digits(8)}`, sizes: [3, 4, 4] },
    { code: '49', body: `30${rng.int(2, 8)}${rng.digits(6)}`, sizes: [2, 3, 4] },
    { code: '44', body: `7${rng.int(4, 9)}${rng.digits(8)}`, sizes: [4, 3, 3] },
    { code: '33', body: `6${rng.int(1, 7)}${rng.digits(7)}`, sizes: [1, 2, 2, 2, 2] },
    { code: '55', body: `119${rng.int(6, 9)}${rng.digits(7)}`, sizes: [2, 5, 4] },
    { code: '91', body: `9${rng.int(1, 9)}${rng.digits(8)}`, sizes: [5, 5] },
    { code: '81', body: `90${rng.int(1, 9)}${rng.digits(7)}`, sizes: [2, 4, 4] },
    { code: '34', body: `6${rng.int(1, 7)}${rng.digits(7)}`, sizes: [3, 3, 3] },
    { code: '31', body: `6${rng.int(1, 5)}${rng.digits(7)}`, sizes: [1, 8] },
    { code: '48', body: `5${rng.int(1, 3)}${rng.digits(7)}`, sizes: [3, 3, 3] },
    { code: '61', body: `4${rng.int(1, 9)}${rng.digits(7)}`, sizes: [3, 3, 3] },
    { code: '65', body: `9${rng.int(1, 7)}${rng.digits(6)}`, sizes: [4, 4] },
    {
      code: '1',
      body: `${rng.int(2, 9)}0${rng.int(2, 9)}${rng.int(2, 9)}${rng.int(2, 9)}${rng.digits(5)}`,
      sizes: [3, 3, 4]
    },
    { code: '353', body: `8${rng.int(5, 7)}${rng.digits(7)}`, sizes: [2, 3, 4] }
  ])
  const separator = rng.pick(['', ' ', ' ', '-', '.'])
  const body = grouped(national.body, national.sizes, separator)
  const code = rng.chance(0.12) ? `00${national.code}` : `+${national.code}`
  const text = rng.chance(0.08) ? `${code} (0) ${body}` : `${code}${separator}${body}`
  return shaped(text, national.body)
}

function usPhone(rng: Rng): Written {
  const area = `${rng.int(2, 9)}${rng.int(0, 8)}${rng.int(2, 9)}`
  const exchange = `${rng.int(2, 9)}${rng.int(2, 9)}${rng.digits(1)}`
  const line = rng.digits(4)
  const text = rng.pick([
    `(${area}) ${exchange}-${line}`,
    `(${area})${exchange}-${line}`,
    `${area}-${exchange}-${line}`,
    `1-${area}-${exchange}-${line}`,
    `(${area}) ${exchange} ${line}`,
    `(${area}) ${exchange}-${line} x${rng.int(12, 999)}`
  ])
  return shaped(text, `${area}${exchange}${line}`)
}

const nationalPhone = (rng: Rng): Written =>
  bare(
    rng.pick([
      `0151 ${rng.digits(8)}`,
      `0${rng.int(2, 8)}0/${rng.int(2, 9)}${rng.digits(6)}`,
      `07${rng.int(4, 9)}${rng.digits(2)} ${rng.digits(6)}`,
      `020 7${rng.digits(3)} ${rng.digits(4)}`,
      `06 ${grouped(`${rng.int(1, 7)}${rng.digits(7)}`, [2, 2, 2, 2], ' ')}`,
      `(11) 9${rng.int(6, 9)}${rng.digits(3)}-${rng.digits(4)}`,
      `${rng.int(2, 9)}1${rng.int(2, 9)}${rng.int(2, 9)}${rng.digits(6)}`,
      `${rng.int(2, 9)}1${rng.int(2, 9)}.${rng.int(2, 9)}${rng.digits(2)}.${rng.digits(4)}`,
      `9${rng.digits(9)}`
    ])
  )

function card(rng: Rng): Written {
  const kind = rng.pick([
    { start: () => '4', length: 16 },
    { start: () => `5${rng.int(1, 5)}`, length: 16 },
    { start: () => String(rng.int(2221, 2720)), length: 16 },
    { start: () => rng.pick(['34', '37']), length: 15 },
    { start: () => '6011', length: 16 },
    { start: () => String(rng.int(3528, 3589)), length: 16 },
    { start: () => rng.pick(['300', '305', '36', '38']), length: 14 }
  ])
  const start = kind.start()
  const body = start + rng.digits(kind.length - 1 - start.length)
  const digits = body + checks.luhnDigit(body)
  const sizes = kind.length === 16 ? [4, 4, 4, 4] : kind.length === 15 ? [4, 6, 5] : [4, 6, 4]
  return { ...shaped(grouped(digits, sizes, rng.pick(['', '', ' ', '-', ' ', '.'])), digits) }
}

const ssnParts = (rng: Rng): readonly [string, string, string] => [
  until(
    () => rng.digits(3),
    area => area !== '000' && area !== '666' && area < '900'
  ),
  String(rng.int(1, 99)).padStart(2, '0'),
  String(rng.int(1, 9999)).padStart(4, '0')
]

const ssn = (rng: Rng): Written => shaped(ssnParts(rng).join('-'))
const bareSsn = (rng: Rng): Written => bare(ssnParts(rng).join(rng.pick(['', ' ', ''])))

function iban(rng: Rng): Written {
  const [country, bban] = rng.pick([
    ['DE', rng.digits(18)],
    ['FR', `${rng.digits(10)}${rng.digits(11)}${rng.digits(2)}`],
    ['GB', `${rng.pick(['NWBK', 'BARC', 'LOYD'])}${rng.digits(14)}`],
    ['NL', `${rng.pick(['ABNA', 'INGB', 'RABO'])}${rng.digits(10)}`],
    ['ES', rng.digits(20)],
    ['PL', rng.digits(24)],
    ['CH', rng.digits(17)],
    ['AT', rng.digits(16)],
    ['BE', rng.digits(12)],
    ['IE', `AIBK${rng.digits(14)}`],
    ['NO', rng.digits(11)],
    ['PT', rng.digits(21)]
  ] as const)
  const whole = checks.iban(country, bban)
  const text = rng.pick([
    whole,
    whole,
    (whole.match(/.{1,4}/g) ?? []).join(' '),
    (whole.match(/.{1,4}/g) ?? []).join('-'),
    whole.toLowerCase()
  ])
  return shaped(text, whole)
}

const publicIp = (rng: Rng): string =>
  `${rng.pick([5, 23, 46, 62, 77, 81, 93, 104, 131, 151, 178, 185, 194, 212, 217])}.${rng.int(1, 254)}.${rng.int(1, 254)}.${rng.int(1, 254)}`

function ipv4(rng: Rng): Written {
  const address = publicIp(rng)
  const text = rng.pick([address, address, `${address}:${rng.int(1024, 65000)}`, `::ffff:${address}`])
  return { text, needles: [textNeedle(address)], needsContext: false }
}

function ipv6(rng: Rng): Written {
  const part = (): string => rng.int(0x1000, 0xffff).toString(16)
  const start = rng.pick(['2a02:8108', '2003:e1', '2001:16b8', '2600:1700', '2a01:4f8'])
  const end = [part(), part(), part(), part()].join(':')
  const address = rng.pick([`${start}:${part()}:${part()}:${end}`, `${start}::${end}`])
  const text = rng.pick([address, address, address.toUpperCase(), `[${address}]:${rng.int(1024, 65000)}`])
  return { text, needles: [textNeedle(end)], needsContext: false }
}

function mac(rng: Rng): Written {
  const hex = `${rng.pick(['3c22fb', 'f01898', '00155d', 'a4c3f0'])}${rng.hex(6)}`
  const pairs = hex.match(/../g) ?? []
  const text = rng.pick([
    pairs.join(':'),
    pairs.join('-').toUpperCase(),
    pairs.join(':').toUpperCase(),
    (hex.match(/.{4}/g) ?? []).join('.')
  ])
  return shaped(text, hex)
}

function nino(rng: Rng): Written {
  const start = until(
    () => rng.chars('ABCEGHJKLMNOPRSTWXYZ', 1) + rng.chars('ABCEGHJKLMNPRSTWXYZ', 1),
    text => !['BG', 'GB', 'KN', 'NK', 'NT', 'TN', 'ZZ'].includes(text)
  )
  const digits = rng.digits(6)
  const last = rng.pick(['A', 'B', 'C', 'D'])
  return shaped(rng.pick([`${start}${digits}${last}`, `${start} ${grouped(digits, [2, 2, 2], ' ')} ${last}`]))
}

function dni(rng: Rng): Written {
  const number = rng.int(10_000_000, 99_999_999)
  const letter = checks.dniLetter(number)
  const dotted = grouped(String(number), [2, 3, 3], '.')
  return shaped(rng.pick([`${number}${letter}`, `${number}-${letter}`, `${dotted}-${letter}`, `${dotted}${letter}`]))
}

function nie(rng: Rng): Written {
  const first = rng.int(0, 2)
  const rest = rng.digits(7)
  const letter = checks.dniLetter(Number(`${first}${rest}`))
  return shaped(rng.pick([`${'XYZ'[first]}${rest}${letter}`, `${'XYZ'[first]}-${rest}-${letter}`]))
}

function brazil(rng: Rng, body: string, sizes: readonly number[], form: (parts: string[]) => string): Written {
  const digits = body + checks.brazilDigits(body)
  const parts = grouped(digits, sizes, ' ').split(' ')
  return rng.chance(0.6) ? shaped(form(parts), digits) : bare(digits)
}
const cpf = (rng: Rng): Written => brazil(rng, rng.digits(9), [3, 3, 3, 2], ([a, b, c, d]) => `${a}.${b}.${c}-${d}`)
const cnpj = (rng: Rng): Written =>
  brazil(rng, `${rng.digits(8)}0001`, [2, 3, 3, 4, 2], ([a, b, c, d, e]) => `${a}.${b}.${c}/${d}-${e}`)

function aadhaar(rng: Rng): Written {
  const body = `${rng.int(2, 9)}${rng.digits(10)}`
  const digits = body + checks.verhoeffDigit(body)
  return rng.chance(0.6) ? shaped(grouped(digits, [4, 4, 4], rng.pick([' ', ' ', '-'])), digits) : bare(digits)
}

const indiaPan = (rng: Rng): Written =>
  shaped(
    `${rng.chars('ABCDEFGHJKLMNPQRSTUVWXYZ', 3)}${rng.pick([...'PCHFATBLJG'])}${rng.chars('ABCDEFGHJKLMN', 1)}${rng.digits(4)}${rng.chars('ABCDEFGHJKLMN', 1)}`
  )

function steuerId(rng: Rng): Written {
  // Ten digits with exactly one used twice, as every number since 2007.
  const nine = rng.shuffle([...'0123456789']).slice(0, 9)
  const body = until(
    () => rng.shuffle([...nine, rng.pick(nine)]).join(''),
    text => text[0] !== '0'
  )
  const digits = body + checks.iso7064Digit(body)
  return bare(rng.pick([digits, digits, grouped(digits, [2, 3, 3, 3], ' ')]))
}

function nir(rng: Rng): Written {
  const department = rng.chance(0.1) ? rng.pick(['2A', '2B']) : String(rng.int(1, 95)).padStart(2, '0')
  const month = String(rng.int(1, 12)).padStart(2, '0')
  const body = `${rng.int(1, 2)}${String(rng.int(40, 99))}${month}${department}${rng.digits(3)}${rng.digits(3)}`
  const whole = body + checks.nirKey(body)
  const spaced = grouped(whole, [1, 2, 2, 2, 3, 3, 2], ' ')
  return rng.chance(0.5) ? shaped(spaced, whole) : bare(whole)
}

const bsn = (rng: Rng): Written => bare(until(() => `${rng.int(1, 9)}${rng.digits(8)}`, checks.passesBsn))

function pesel(rng: Rng): Written {
  const day = String(rng.int(1, 28)).padStart(2, '0')
  const body = `${rng.int(50, 99)}${String(rng.int(1, 12)).padStart(2, '0')}${day}${rng.digits(4)}`
  return bare(body + checks.peselDigit(body))
}

function sin(rng: Rng): Written {
  const body = `${rng.pick([1, 2, 3, 4, 5, 6, 7, 9])}${rng.digits(7)}`
  const digits = body + checks.luhnDigit(body)
  return bare(rng.pick([digits, grouped(digits, [3, 3, 3], ' '), grouped(digits, [3, 3, 3], '-')]))
}

function tfn(rng: Rng): Written {
  const digits = until(() => `${rng.int(1, 9)}${rng.digits(8)}`, checks.passesTfn)
  return bare(rng.pick([digits, grouped(digits, [3, 3, 3], ' ')]))
}

function nric(rng: Rng): Written {
  const prefix = rng.pick(['S', 'T', 'F', 'G'])
  const digits = rng.digits(7)
  return shaped(`${prefix}${digits}${checks.nricLetter(prefix, digits)}`)
}

const passport = (rng: Rng): Written =>
  bare(
    rng.pick([
      rng.fill('@########'),
      rng.fill('@@#######'),
      rng.fill('?########'),
      rng.fill('C0#H2#K#9'),
      rng.fill('##@@#####')
    ])
  )

const licence = (rng: Rng): Written =>
  bare(
    rng.pick([
      rng.fill('@#######'),
      rng.fill('@###-####-####'),
      rng.fill('@@@@@######@@#@@'),
      rng.fill('@@-##-####-#######'),
      rng.fill('@############'),
      rng.fill('########'),
      rng.fill('##@@#####')
    ])
  )

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December'
]

function birth(rng: Rng): Written {
  const year = rng.int(1935, 2009)
  const month = rng.int(1, 12)
  const day = rng.int(1, 28)
  const mm = String(month).padStart(2, '0')
  const dd = String(day).padStart(2, '0')
  const name = MONTHS[month - 1] as string
  const text = rng.pick([
    `${year}-${mm}-${dd}`,
    `${dd}.${mm}.${year}`,
    `${mm}/${dd}/${year}`,
    `${dd}/${mm}/${year}`,
    `${day} ${name} ${year}`,
    `${name} ${day}, ${year}`,
    `${dd}-${name.slice(0, 3)}-${year}`,
    `${year}${mm}${dd}`,
    `${year}/${mm}/${dd}`,
    `${day}.${month}.${year}`,
    `${year}-${mm}-${dd}T00:00:00Z`
  ])
  return bare(text, [compactNeedle(text.replace('T00:00:00Z', ''))])
}

function personName(rng: Rng): Written {
  const first = rng.pick(FIRST_NAMES)
  const last = rng.pick(SURNAMES)
  const text = rng.pick([
    `${first} ${last}`,
    `${first} ${last}`,
    `${first} ${last}`,
    `${first} ${rng.chars('ABCDEFGHJKLMNPRSTW', 1)}. ${last}`,
    `${last}, ${first}`,
    `Dr. ${first} ${last}`,
    `${first} ${last}-${rng.pick(SURNAMES)}`
  ])
  return bare(text, [textNeedle(last)])
}

function address(rng: Rng): Written {
  const number = rng.int(1, 2400)
  const town = rng.pick(TOWNS)
  const street = rng.pick(STREETS)
  const line = street.numberLast ? `${street.name} ${number}` : `${number} ${street.name}`
  const text = rng.pick([
    line,
    `${line}, ${town}`,
    `${line}, ${town}`,
    `${rng.pick(['Apt 4B', 'Flat 2', 'Unit 17'])}, ${line}, ${town}`
  ])
  return bare(text, [textNeedle(line)])
}

const token =
  (start: string, alphabet: string, length: number) =>
  (rng: Rng): Written => {
    const body = rng.chars(alphabet, length)
    return shaped(start + body, body)
  }

const oneOf =
  (...writers: readonly ((rng: Rng) => Written)[]) =>
  (rng: Rng): Written =>
    rng.pick(writers)(rng)

const coded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function jwtText(rng: Rng): { text: string; core: string } {
  const head = coded({
    alg: rng.pick(['HS256', 'RS256', 'ES384']),
    typ: 'JWT',
    ...(rng.chance(0.4) ? { kid: rng.hex(8) } : {})
  })
  const body = coded({ sub: rng.digits(10), iat: rng.int(1_600_000_000, 1_790_000_000), aud: 'api', jti: rng.hex(12) })
  const signature = rng.chars(BASE64URL, 43)
  return { text: `${head}.${body}.${signature}`, core: signature }
}

const secretWord = (rng: Rng): string =>
  rng.pick([
    `${rng.pick(['Tulip', 'Harbor', 'monkey', 'Winter', 'qwerty', 'dragon', 'Zuckerguss'])}${rng.pick(['!', '#', '_', '-', '.', ''])}${rng.digits(4)}`,
    rng.chars(`${ALNUM}!#%*_-`, rng.int(10, 18)).replace(/^[^A-Za-z]/, 'x'),
    `${rng.chars(LOWER, 5)}-${rng.chars(LOWER, 6)}-${rng.digits(2)}`,
    `P@ss${rng.chars(LOWER, 3)}${rng.digits(3)}`,
    `${rng.chars(ALNUM, 5)}$${rng.chars(ALNUM, 4)}${rng.digits(2)}`
  ])

const password = (rng: Rng): Written => {
  const text = secretWord(rng)
  return bare(text, [compactNeedle(text)])
}

const apiKey = (rng: Rng): Written =>
  bare(
    rng.pick([
      rng.hex(32),
      rng.hex(40),
      rng.chars(ALNUM, 32),
      rng.chars(BASE64URL, 43).replace(/[-_]$/, 'a'),
      `${rng.chars(ALNUM, 20)}.${rng.chars(ALNUM, 12)}`
    ])
  )

function urlPassword(rng: Rng): Written {
  const secret = rng.chars(ALNUM, 9) + rng.digits(3)
  const text = rng.pick([
    `postgres://report:${secret}@db-7.internal:5432/ledger?sslmode=require`,
    `mysql://root:${secret}@10.4.3.2/shop`,
    `mongodb+srv://svc:${secret}@cluster0.mongodb.net/app`,
    `amqps://bus:${secret}@mq.internal:5671/vhost`,
    `redis://:${secret}@cache-2:6379/0`,
    `https://deploy:${secret}@git.acme-data.net/team/app.git`,
    `ftp://drop:${secret}@files.acme-data.net/in`,
    `smtp://mailer:${secret}@smtp.acme-data.net:587`,
    `ldap://cn=admin:${secret}@ldap.internal:389`,
    `jdbc:postgresql://app:${secret}@pg.internal/main`
  ])
  return { ...labelled(text, secret, false), labelled: false }
}

function connection(rng: Rng): Written {
  const secret = rng.chars(ALNUM, 10) + rng.digits(2)
  const key = `${rng.chars(ALNUM, 80)}==`
  const [text, core] = rng.pick([
    [`Server=sql-3.internal;Database=ledger;User Id=app;Password=${secret};Encrypt=true`, secret],
    [`host=pg.internal port=5432 dbname=app user=app password=${secret} sslmode=require`, secret],
    [`Driver={ODBC Driver 18};Server=db;Uid=app;Pwd=${secret};`, secret],
    [`DefaultEndpointsProtocol=https;AccountName=acmeblob;AccountKey=${key};EndpointSuffix=core.windows.net`, key],
    [`Endpoint=sb://bus.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=${rng.chars(ALNUM, 43)}=`, ''],
    [`jdbc:oracle:thin:app/${secret}@//ora.internal:1521/ORCL`, secret],
    [`jdbc:sqlserver://db:1433;databaseName=app;user=sa;password=${secret}`, secret],
    [`jdbc:mysql://db/app?user=app&password=${secret}`, secret]
  ] as const)
  const wanted = core === '' ? (text.split('SharedAccessKey=')[1] as string) : core
  return labelled(text, wanted.replace(/=+$/, ''), false)
}

function cookie(rng: Rng): Written {
  const id = rng.chars(ALNUM, 26)
  const text = rng.pick([
    `Cookie: theme=dark; sessionid=${id}`,
    `Set-Cookie: JSESSIONID=${id}; Path=/; HttpOnly; Secure`,
    `cookie: connect.sid=s%3A${id}; lang=en`,
    `Set-Cookie: app_session=${id}; SameSite=Lax; Max-Age=3600`,
    `Cookie: PHPSESSID=${id}`,
    `"Cookie": "auth_token=${id}; region=eu"`,
    `-H 'Cookie: sid=${id}'`,
    `--cookie "ASP.NET_SessionId=${id}"`
  ])
  return labelled(text, id)
}

const bearer = (rng: Rng): Written => {
  const body = rng.pick([jwtText(rng).core + rng.digits(2), rng.hex(40), `${rng.chars(ALNUM, 30)}${rng.digits(2)}`])
  const text = rng.pick([
    `Authorization: Bearer ${body}`,
    `authorization: bearer ${body}`,
    `Bearer ${body}`,
    `-H "Authorization: Bearer ${body}"`,
    `{"Authorization":"Bearer ${body}"}`,
    `Proxy-Authorization: Bearer ${body}`
  ])
  return labelled(text, body, false)
}

const basic = (rng: Rng): Written => {
  const body = Buffer.from(`${rng.pick(['svc', 'admin', 'ada'])}${rng.digits(3)}:${secretWord(rng)}`).toString('base64')
  const text = rng.pick([
    `Authorization: Basic ${body}`,
    `Basic ${body}`,
    `authorization=Basic ${body}`,
    `auth header was 'Basic ${body}'`
  ])
  return labelled(text, body.replace(/=+$/, ''), false)
}

function pem(rng: Rng): Written {
  const kind = rng.pick([
    'RSA PRIVATE KEY',
    'PRIVATE KEY',
    'EC PRIVATE KEY',
    'OPENSSH PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY'
  ])
  const lines = Array.from({ length: rng.int(3, 6) }, () => rng.chars(`${ALNUM}+/`, 64))
  const newline = rng.pick(['\n', '\n', '\\n', '\r\n'])
  const end = rng.chance(0.8) ? `${newline}-----END ${kind}-----` : ''
  const text = `-----BEGIN ${kind}-----${newline}${lines.join(newline)}${end}`
  const core = lines[1] as string
  return {
    text,
    needles: [
      {
        kind: 'compact',
        text: core
          .replace(/[^A-Za-z0-9]/g, '')
          .toLowerCase()
          .slice(0, 40)
      }
    ],
    needsContext: false
  }
}

const signedUrl = (rng: Rng): Written => {
  const secret = rng.hex(64)
  const azure = rng.chars(ALNUM, 43)
  const [text, core] = rng.pick([
    [
      `https://files.s3.eu-west-1.amazonaws.com/a/b.csv?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=300&X-Amz-Signature=${secret}`,
      secret
    ],
    [`https://storage.googleapis.com/bkt/o.bin?X-Goog-Expires=60&X-Goog-Signature=${secret}`, secret],
    [`https://acme.blob.core.windows.net/c/f.txt?sv=2022-11-02&se=2026-01-01&sp=r&sig=${azure}%3D`, azure],
    [
      `https://bkt.s3.amazonaws.com/k?AWSAccessKeyId=${`AKIA${rng.chars(BASE32, 16)}`}&Expires=1790000000&Signature=${azure}%3D`,
      azure
    ]
  ] as const)
  return labelled(text, core, false)
}

const hookUrl = (rng: Rng): Written => {
  const secret = rng.chars(ALNUM, 24)
  return {
    ...labelled(
      `https://hooks.slack.com/services/T${rng.chars(BASE32, 8)}/B${rng.chars(BASE32, 9)}/${secret}`,
      secret,
      false
    ),
    labelled: false
  }
}

const bitcoin = (rng: Rng): Written =>
  shaped(
    rng.pick([
      checks.base58check(0, rng.bytes(20)),
      checks.base58check(5, rng.bytes(20)),
      checks.segwit(0, rng.bytes(20)),
      checks.segwit(1, rng.bytes(32))
    ])
  )

const jwt = (rng: Rng): Written => {
  const { text, core } = jwtText(rng)
  return shaped(text, core)
}

const KEY_WORDS = {
  second: words('api_key apikey x_api_key client_secret', 'api key|API key|client secret'),
  heldout: words('apiKey access_token signing_secret api_token', 'API token|access token|signing secret')
}

const splitTypes: readonly SplitType[] = [
  {
    name: 'email',
    look: 'address',
    weight: 3,
    write: email,
    second: words('email user_email contact_email', 'email|e-mail|email address'),
    heldout: words('mail email_address reply_to', 'mail address|e-mail address|Mail')
  },
  {
    name: 'phone',
    look: 'number',
    weight: 2,
    write: internationalPhone,
    second: words('phone mobile_number caller', 'phone|mobile number|caller'),
    heldout: words('telephone msisdn cell sms_to', 'telephone|cell|Telefon')
  },
  {
    name: 'phone_us',
    look: 'number',
    write: usPhone,
    second: words('phone home_phone', 'phone number|home phone'),
    heldout: words('tel cell_phone', 'cell phone|tel')
  },
  {
    name: 'phone_national',
    look: 'number',
    write: nationalPhone,
    second: words('phone phone_number mobile tel', 'phone|mobile|tel|phone number'),
    heldout: words('msisdn cell_phone fax contact_phone', 'cell|fax|telephone number|contact phone')
  },
  {
    name: 'credit_card',
    look: 'number',
    weight: 2,
    write: card,
    second: words('card card_number cc_number', 'card|credit card|card number'),
    heldout: words('payment_card pan cc credit_card_no', 'payment card|PAN|debit card')
  },
  {
    name: 'us_ssn',
    look: 'number',
    write: ssn,
    second: words('ssn social_security_number', 'SSN|social security number'),
    heldout: words('taxpayer_ssn social_security', 'social security no|taxpayer SSN')
  },
  {
    name: 'us_ssn_bare',
    look: 'number',
    write: bareSsn,
    second: words('ssn social_security_number', 'SSN|social security number'),
    heldout: words('employee_ssn social_security taxpayer_id', 'social security|taxpayer id')
  },
  {
    name: 'iban',
    look: 'number',
    weight: 2,
    write: iban,
    second: words('iban account payout_account', 'IBAN|account'),
    heldout: words('bank_account beneficiary_iban', 'bank account|payout IBAN')
  },
  {
    name: 'ipv4',
    look: 'address',
    weight: 2,
    write: ipv4,
    second: words('client_ip remote_addr', 'client|remote address'),
    heldout: words('source_ip peer_addr', 'source|peer IP')
  },
  {
    name: 'ipv6',
    look: 'address',
    write: ipv6,
    second: words('client_ip remote_addr', 'client|remote address'),
    heldout: words('source_ip peer_addr', 'source|peer IP')
  },
  {
    name: 'mac',
    look: 'address',
    write: mac,
    second: words('mac mac_address', 'MAC|mac address'),
    heldout: words('hw_addr device_mac', 'hardware address|device MAC')
  },
  {
    name: 'uk_nino',
    look: 'number',
    write: nino,
    second: words('nino national_insurance_number', 'NINO|national insurance number'),
    heldout: words('ni_number national_insurance', 'NI number|national insurance')
  },
  {
    name: 'spain_dni',
    look: 'number',
    write: dni,
    second: words('dni nif', 'DNI|NIF'),
    heldout: words('documento_dni nif_cliente', 'dni|NIF del cliente')
  },
  { name: 'spain_nie', look: 'number', write: nie, second: words('nie', 'NIE'), heldout: words('numero_nie', 'nie') },
  {
    name: 'cpf',
    look: 'number',
    write: cpf,
    second: words('cpf', 'CPF'),
    heldout: words('cpf_cliente customer_cpf', 'cpf|CPF do cliente')
  },
  {
    name: 'cnpj',
    look: 'number',
    write: cnpj,
    second: words('cnpj', 'CNPJ'),
    heldout: words('cnpj_empresa company_cnpj', 'cnpj|CNPJ da empresa')
  },
  {
    name: 'aadhaar',
    look: 'number',
    write: aadhaar,
    second: words('aadhaar aadhaar_number', 'Aadhaar|Aadhaar number'),
    heldout: words('uid_aadhaar aadhaar_no', 'aadhaar no|AADHAAR')
  },
  {
    name: 'india_pan',
    look: 'number',
    write: indiaPan,
    second: words('pan pan_number', 'PAN|PAN number'),
    heldout: words('pan_card pan_no', 'PAN card|permanent account number')
  },
  {
    name: 'steuer_id',
    look: 'number',
    write: steuerId,
    second: words('steuer_id tax_id', 'Steuer-ID|tax id'),
    heldout: words('idnr steuerliche_identifikationsnummer', 'IdNr|Steueridentifikationsnummer')
  },
  {
    name: 'nir',
    look: 'number',
    write: nir,
    second: words('nir secu', 'NIR|numéro de sécu'),
    heldout: words('numero_secu insee', 'numéro de sécurité sociale|INSEE')
  },
  {
    name: 'bsn',
    look: 'number',
    write: bsn,
    second: words('bsn', 'BSN'),
    heldout: words('burgerservicenummer bsn_nummer', 'burgerservicenummer|bsn')
  },
  {
    name: 'pesel',
    look: 'number',
    write: pesel,
    second: words('pesel', 'PESEL'),
    heldout: words('nr_pesel pesel_number', 'numer PESEL|pesel')
  },
  {
    name: 'sin',
    look: 'number',
    write: sin,
    second: words('sin sin_number', 'SIN|social insurance number'),
    heldout: words('social_insurance_number employee_sin', 'social insurance no|SIN number')
  },
  {
    name: 'tfn',
    look: 'number',
    write: tfn,
    second: words('tfn', 'TFN|tax file number'),
    heldout: words('tax_file_number employee_tfn', 'tax file no|tfn')
  },
  {
    name: 'nric',
    look: 'number',
    write: nric,
    second: words('nric', 'NRIC'),
    heldout: words('fin nric_fin', 'FIN|nric no')
  },
  {
    name: 'passport',
    look: 'number',
    write: passport,
    second: words('passport passport_number', 'passport|passport number'),
    heldout: words('passport_no travel_passport', 'passport no.|Reisepass')
  },
  {
    name: 'licence',
    look: 'number',
    write: licence,
    second: words('driver_license drivers_licence', "driver's license|driving licence"),
    heldout: words('dl_number driving_license_no licence_number', "driver's licence number|DL number")
  },
  {
    name: 'birth',
    look: 'number',
    write: birth,
    second: words('dob date_of_birth', 'DOB|date of birth'),
    heldout: words('birth_date birthday born_on', 'birthday|birth date|geboren am')
  },
  {
    name: 'person_name',
    look: 'words',
    weight: 2,
    write: personName,
    second: words('customer_name full_name patient_name', 'customer|full name|patient'),
    heldout: words('recipient cardholder_name display_name', 'recipient|cardholder|account holder')
  },
  {
    name: 'address',
    look: 'words',
    weight: 2,
    write: address,
    second: words('shipping_address street', 'shipping address|street'),
    heldout: words('billing_address home_address', 'billing address|home address|lives at')
  },
  {
    name: 'aws_key_id',
    look: 'token',
    write: oneOf(token('AKIA', BASE32, 16), token('ASIA', BASE32, 16)),
    second: words('aws_access_key_id', 'AWS key'),
    heldout: words('access_key_id', 'access key')
  },
  {
    name: 'aws_secret',
    look: 'token',
    write: rng => bare(rng.chars(`${ALNUM}+/`, 38) + rng.chars(ALNUM, 2)),
    second: words('aws_secret_access_key secret_access_key', 'AWS secret access key|secret access key'),
    heldout: words('aws_secret awsSecretAccessKey', 'aws secret|AWS secret key')
  },
  {
    name: 'github',
    look: 'token',
    write: oneOf(
      rng => {
        const body = rng.chars(ALNUM, 30)
        return shaped(rng.pick(['ghp_', 'gho_', 'ghs_', 'ghu_']) + body + checks.tokenChecksum(body), body)
      },
      rng => {
        const body = rng.chars(ALNUM, 59)
        return shaped(`github_pat_${rng.chars(ALNUM, 22)}_${body}`, body)
      }
    ),
    second: words('github_token', 'GitHub token'),
    heldout: words('gh_token', 'token')
  },
  {
    name: 'gitlab',
    look: 'token',
    write: oneOf(token('glpat-', BASE64URL, 20), token('gldt-', BASE64URL, 20), token('glrt-', BASE64URL, 20)),
    second: words('gitlab_token', 'GitLab token'),
    heldout: words('ci_token', 'deploy token')
  },
  {
    name: 'slack',
    look: 'token',
    write: oneOf(
      rng => {
        const body = rng.chars(ALNUM, 24)
        return shaped(`${rng.pick(['xoxb', 'xoxp', 'xoxa'])}-${rng.digits(12)}-${rng.digits(12)}-${body}`, body)
      },
      rng => {
        const body = rng.hex(64)
        return shaped(`xapp-1-A${rng.chars(BASE32, 10)}-${rng.digits(13)}-${body}`, body)
      },
      hookUrl
    ),
    second: words('slack_token', 'Slack token'),
    heldout: words('bot_token', 'bot token')
  },
  {
    name: 'stripe',
    look: 'token',
    write: oneOf(
      token('sk_live_', ALNUM, 24),
      token('rk_live_', ALNUM, 24),
      token('sk_test_', ALNUM, 99),
      token('whsec_', ALNUM, 32)
    ),
    second: words('stripe_key', 'Stripe key'),
    heldout: words('payment_secret', 'secret')
  },
  {
    name: 'openai',
    look: 'token',
    write: oneOf(
      rng => {
        const body = `${rng.chars(ALNUM, 20)}T3BlbkFJ${rng.chars(ALNUM, 20)}`
        return shaped(`sk-${body}`, body)
      },
      token('sk-proj-', BASE64URL, 74),
      token('sk-svcacct-', BASE64URL, 60)
    ),
    second: words('openai_api_key', 'OpenAI key'),
    heldout: words('llm_key', 'model key')
  },
  {
    name: 'anthropic',
    look: 'token',
    write: token('sk-ant-api03-', BASE64URL, 95),
    second: words('anthropic_api_key', 'Anthropic key'),
    heldout: words('llm_key', 'model key')
  },
  {
    name: 'google',
    look: 'token',
    write: oneOf(token('AIza', BASE64URL, 35), token('ya29.', BASE64URL, 80)),
    second: words('google_key', 'Google key'),
    heldout: words('maps_key', 'maps key')
  },
  {
    name: 'npm_pypi',
    look: 'token',
    write: oneOf(token('npm_', ALNUM, 36), token('pypi-AgEIcHlwaS5vcmc', BASE64URL, 100)),
    second: words('registry_token', 'npm token'),
    heldout: words('publish_token', 'publish token')
  },
  {
    name: 'sendgrid',
    look: 'token',
    write: rng => {
      const body = rng.chars(BASE64URL, 43)
      return shaped(`SG.${rng.chars(BASE64URL, 22)}.${body}`, body)
    },
    second: words('sendgrid_api_key', 'SendGrid key'),
    heldout: words('mailer_key', 'mailer key')
  },
  {
    name: 'hf_do',
    look: 'token',
    write: oneOf(token('hf_', ALNUM, 34), rng => {
      const body = rng.hex(64)
      return shaped(`dop_v1_${body}`, body)
    }),
    second: words('hf_token', 'HF token'),
    heldout: words('cloud_token', 'cloud token')
  },
  {
    name: 'telegram',
    look: 'token',
    write: rng => {
      const body = rng.chars(BASE64URL, 33)
      return shaped(`${rng.int(10_000_000, 9_999_999_999)}:AA${body}`, body)
    },
    second: words('telegram_bot_token', 'bot token'),
    heldout: words('tg_token', 'Telegram bot')
  },
  {
    name: 'twilio',
    look: 'token',
    write: rng => {
      const body = rng.hex(32)
      return { ...shaped(`SK${body}`, body), needsContext: true }
    },
    second: words('twilio_api_key api_key', 'Twilio API key|api key'),
    heldout: words('twilio_key twilio_token', 'Twilio key|Twilio token')
  },
  {
    name: 'jwt',
    look: 'token',
    weight: 2,
    write: jwt,
    second: words('id_token', 'token'),
    heldout: words('access_token assertion', 'id token')
  },
  { name: 'bearer', look: 'token', write: bearer, ...KEY_WORDS },
  { name: 'basic', look: 'token', write: basic, ...KEY_WORDS },
  {
    name: 'private_key',
    look: 'token',
    write: pem,
    second: words('private_key', 'private key'),
    heldout: words('tls_key signing_key', 'key')
  },
  {
    name: 'url_password',
    look: 'token',
    weight: 2,
    write: urlPassword,
    second: words('database_url dsn', 'DSN'),
    heldout: words('broker_url connection', 'connection')
  },
  {
    name: 'connection',
    look: 'token',
    write: connection,
    second: words('connection_string', 'connection string'),
    heldout: words('dsn', 'DSN')
  },
  {
    name: 'signed_url',
    look: 'token',
    write: signedUrl,
    second: words('url', 'url'),
    heldout: words('download_url', 'download')
  },
  {
    name: 'cookie',
    look: 'token',
    write: cookie,
    second: words('cookie', 'cookie'),
    heldout: words('cookie', 'cookie')
  },
  {
    name: 'session',
    look: 'token',
    write: rng => bare(rng.pick([rng.chars(ALNUM, 26), rng.chars(ALNUM, 32)])),
    second: words('JSESSIONID PHPSESSID connect.sid', 'session cookie|JSESSIONID|sessionid'),
    heldout: words('app_session auth_token sid', 'auth_token|sid|session token')
  },
  {
    name: 'password',
    look: 'token',
    weight: 2,
    write: password,
    second: words('password passwd db_password', 'password|passwd'),
    heldout: words('pwd user_password passphrase admin_pass', 'pwd|Passwort|passphrase')
  },
  { name: 'api_key', look: 'token', weight: 2, write: apiKey, ...KEY_WORDS },
  {
    name: 'bitcoin',
    look: 'token',
    write: bitcoin,
    second: words('btc_address', 'wallet'),
    heldout: words('payout_wallet', 'BTC')
  },
  {
    name: 'ethereum',
    look: 'token',
    write: token('0x', '0123456789abcdefABCDEF', 40),
    second: words('eth_address', 'wallet'),
    heldout: words('payout_wallet', 'ETH')
  }
]

/** The types with the words of one split. */
export function typesOf(split: Split): readonly TypeSpec[] {
  return splitTypes.map(({ second, heldout, ...type }) => ({ ...type, ...(split === 'second' ? second : heldout) }))
}
