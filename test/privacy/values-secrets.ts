// Credentials: vendor tokens, keys, passwords, cookies and what holds them.

import { base58check, segwit, tokenChecksum } from './checksums.js'
import { ALNUM, BASE32, BASE64URL, LOWER, type Rng, UPPER } from './rng.js'
import { bare, coreNeedles, labelled, shaped, type TypeSpec, type Written } from './values.js'

const B64 = `${ALNUM}+/`
const base64url = (text: string): string => Buffer.from(text).toString('base64url')
const EMPTY: readonly string[] = []

function jwt(rng: Rng): string {
  const header = rng.pick([
    '{"alg":"HS256","typ":"JWT"}',
    '{"typ":"JWT","alg":"RS256"}',
    `{"alg":"RS256","kid":"${rng.hex(8)}","typ":"JWT"}`,
    '{"alg":"ES256"}'
  ])
  const payload = `{"sub":"${rng.digits(9)}","iat":${rng.int(1_600_000_000, 1_790_000_000)},"scope":"${rng.chars(LOWER, 6)}"}`
  return `${base64url(header)}.${base64url(payload)}.${rng.chars(BASE64URL, rng.pick([42, 86, 342]))}${rng.chars(ALNUM, 1)}`
}

/** The payload and signature are what must go; the header of a JWT says nothing. */
const jwtNeedles = (token: string): Written['needles'] => coreNeedles(token.split('.').slice(1).join('.'))

function password(rng: Rng): string {
  const word = rng.pick([
    'Tiger',
    'quokka',
    'Marzipan',
    'velvet',
    'Thunder',
    'kestrel',
    'Paprika',
    'monsoon',
    'Saffron'
  ])
  return rng.pick([
    `${word}${rng.pick(['!', '#', '_', '$'])}${rng.int(1950, 2029)}${rng.chars(LOWER, 2)}`,
    `${rng.chars(ALNUM, 6)}-${rng.chars(ALNUM, 7)}`,
    `${rng.chars(UPPER, 2)}${rng.chars(ALNUM, 10)}${rng.pick(['!', '*', '%x', '^9'])}`,
    `${word}${rng.chars(LOWER, 5)}${rng.digits(2)}`,
    `${rng.chars(LOWER, 5)}-${rng.chars(LOWER, 6)}-${rng.digits(4)}`,
    rng.chars(ALNUM, 16)
  ])
}

const simplePassword = (rng: Rng): string =>
  `${rng.chars(ALNUM, 5)}${rng.pick(['', '_', '-', '!'])}${rng.chars(ALNUM, 8)}`
const host = (rng: Rng): string =>
  `${rng.pick(['pg', 'db', 'broker', 'cache', 'ledger'])}-${rng.int(1, 9)}.${rng.pick(['svc.cluster.local', 'corp.internal', 'acme-data.net'])}`
const login = (rng: Rng): string => rng.pick(['svc_flow', 'loader', 'report', 'app', 'etl', 'root'])

function urlPassword(rng: Rng): Written {
  const secret = simplePassword(rng)
  const scheme = rng.pick([
    'postgres',
    'postgresql',
    'mysql',
    'amqp',
    'amqps',
    'redis',
    'mongodb',
    'mongodb+srv',
    'https',
    'http',
    'ftp',
    'sftp',
    'jdbc:postgresql',
    'clickhouse',
    'nats'
  ])
  const user = rng.chance(0.12) && scheme === 'redis' ? '' : login(rng)
  const tail = rng.pick([
    '',
    `/${rng.pick(['flows', 'ledger', '0', 'vhost'])}`,
    ':5432/jobs?sslmode=require',
    ':8443/v1/items'
  ])
  return labelled(`${scheme}://${user}:${secret}@${host(rng)}${tail}`, secret, false)
}

function connectionString(rng: Rng): Written {
  const secret = simplePassword(rng)
  const key64 = `${rng.chars(B64, 86)}==`
  const short64 = `${rng.chars(B64, 43)}=`
  return rng.pick([
    () => labelled(`Server=${host(rng)};Database=flows;User Id=${login(rng)};Password=${secret};Encrypt=true`, secret),
    () =>
      labelled(`host=${host(rng)} port=5432 dbname=jobs user=${login(rng)} password=${secret} sslmode=require`, secret),
    () => labelled(`Data Source=${host(rng)},1433;uid=${login(rng)};pwd=${secret};`, secret),
    () =>
      labelled(
        `DefaultEndpointsProtocol=https;AccountName=flowstore;AccountKey=${key64};EndpointSuffix=core.windows.net`,
        key64
      ),
    () =>
      labelled(
        `Endpoint=sb://flow-bus.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=${short64}`,
        short64
      ),
    () => labelled(`jdbc:oracle:thin:${login(rng)}/${secret}@//${host(rng)}:1521/FLOWS`, secret),
    () =>
      labelled(`jdbc:sqlserver://${host(rng)}:1433;databaseName=flows;user=${login(rng)};password=${secret}`, secret),
    () => labelled(`Driver={ODBC Driver 18 for SQL Server};Server=${host(rng)};UID=${login(rng)};PWD=${secret}`, secret)
  ])()
}

function cookie(rng: Rng): Written {
  const value = rng.pick([
    () => rng.chars(ALNUM, 26),
    () => rng.hex(32),
    () => `s%3A${rng.chars(BASE64URL, 32)}.${rng.chars(ALNUM, 43)}`,
    () => rng.chars(`${UPPER}0123456789`, 32)
  ])()
  const name = rng.pick([
    'sessionid',
    'sid',
    'JSESSIONID',
    'PHPSESSID',
    'connect.sid',
    'flow_session',
    'auth_token',
    '_shop_session',
    'ASP.NET_SessionId'
  ])
  const secret = value.replace('s%3A', '')
  return rng.pick([
    () => labelled(`Cookie: theme=dark; ${name}=${value}`, secret),
    () => labelled(`Set-Cookie: ${name}=${value}; Path=/; HttpOnly; SameSite=Lax`, secret),
    () => labelled(`cookie: ${name}=${value}; lang=en-GB`, secret),
    () => labelled(`${name}=${value}`, secret)
  ])()
}

const sessionId = (rng: Rng): Written => bare(rng.pick([rng.hex(32), rng.chars(ALNUM, 28), rng.chars(BASE64URL, 40)]))

function pem(rng: Rng): Written {
  const kind = rng.pick([
    'RSA PRIVATE KEY',
    'PRIVATE KEY',
    'EC PRIVATE KEY',
    'OPENSSH PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY'
  ])
  const lines = Array.from({ length: rng.int(2, 5) }, () => rng.chars(B64, 64))
  const last = `${rng.chars(B64, 40)}==`
  const newline = rng.pick(['\n', '\n', '\\n', '\r\n'])
  const end = rng.chance(0.15) ? [] : [`-----END ${kind}-----`]
  const needles = [...lines, last].flatMap(line => coreNeedles(line.slice(0, 40)))
  return { text: [`-----BEGIN ${kind}-----`, ...lines, last, ...end].join(newline), needles, needsContext: false }
}

function basic(rng: Rng): Written {
  const token = Buffer.from(`${login(rng)}${rng.int(1, 99)}:${password(rng)}`).toString('base64')
  return labelled(
    rng.pick([`Basic ${token}`, `Authorization: Basic ${token}`, `authorization: basic ${token}`]),
    token,
    false
  )
}

function bearer(rng: Rng): Written {
  const token = rng.pick([
    rng.chars(BASE64URL, 43),
    rng.hex(40),
    rng.chars(ALNUM, 32),
    `${rng.chars(ALNUM, 20)}.${rng.chars(ALNUM, 20)}`
  ])
  return labelled(
    rng.pick([
      `Bearer ${token}`,
      `Authorization: Bearer ${token}`,
      `authorization: bearer ${token}`,
      `token ${token}`.replace('token', 'Bearer')
    ]),
    token,
    false
  )
}

function apiKey(rng: Rng): Written {
  const written = rng.pick([
    rng.hex(32),
    rng.chars(ALNUM, 32),
    rng.chars(ALNUM, 24),
    rng.chars(BASE64URL, 40),
    `key-${rng.hex(28)}`
  ])
  return bare(written)
}

function signedUrl(rng: Rng): Written {
  const signature = rng.hex(64)
  const secret64 = `${rng.chars(ALNUM, 43)}%3D`
  return rng.pick([
    () =>
      labelled(
        `https://assets.s3.amazonaws.com/out/${rng.hex(6)}.csv?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=900&X-Amz-Signature=${signature}`,
        signature
      ),
    () =>
      labelled(
        `https://flowstore.blob.core.windows.net/out/a.csv?sv=2023-11-03&sr=b&sig=${secret64}`,
        secret64.slice(0, 43)
      ),
    () =>
      labelled(
        `https://storage.googleapis.com/out/a.csv?X-Goog-Date=20260101T000000Z&X-Goog-Signature=${signature}`,
        signature
      )
  ])()
}

const one =
  (make: (rng: Rng) => string): ((rng: Rng) => Written) =>
  rng =>
    shaped(make(rng))
const checked = (prefix: string, rng: Rng): string => {
  const random = rng.chars(ALNUM, 30)
  return `${prefix}${random}${tokenChecksum(random)}`
}

const token = (
  name: string,
  make: (rng: Rng) => string,
  labels: readonly string[],
  keys: readonly string[] = EMPTY
): TypeSpec => ({
  name,
  keys: [...keys, 'api_key', 'access_token', 'token', 'credential'],
  labels: [...labels, 'token', 'api key'],
  look: 'token',
  write: one(make)
})

export const SECRETS: readonly TypeSpec[] = [
  token(
    'aws_access_key_id',
    rng => rng.pick(['AKIA', 'AKIA', 'ASIA', 'AROA']) + rng.chars(BASE32, 16),
    ['access key id'],
    ['aws_access_key_id']
  ),
  {
    name: 'aws_secret_key',
    keys: ['aws_secret_access_key', 'secret_access_key', 'aws_secret', 'aws_secret_key'],
    labels: ['secret access key', 'aws secret', 'aws secret access key'],
    look: 'token',
    write: rng => {
      const secret = rng.chars(B64, 40)
      if (rng.chance(0.25))
        return labelled(
          `aws_access_key_id=AKIA${rng.chars(BASE32, 16)} ${rng.pick(['secret=', 'aws_secret_access_key=', 'secretAccessKey: '])}${secret}`,
          secret
        )
      return bare(secret)
    }
  },
  token(
    'github_token',
    rng =>
      rng.chance(0.2)
        ? `github_pat_${rng.chars(ALNUM, 22)}_${rng.chars(ALNUM, 59)}`
        : checked(`gh${rng.pick([...'pousr'])}_`, rng),
    ['github token']
  ),
  token(
    'gitlab_token',
    rng =>
      `${rng.pick(['glpat-', 'glptt-', 'gldt-', 'glrt-'])}${rng.chars(ALNUM, 1)}${rng.chars(BASE64URL, 18)}${rng.chars(ALNUM, 1)}`,
    ['gitlab token']
  ),
  token(
    'slack_token',
    rng =>
      rng.pick([
        () => `xoxb-${rng.fill('?##########')}-${rng.fill('?############')}-${rng.chars(ALNUM, 24)}`,
        () => `xoxp-${rng.fill('?##########')}-${rng.fill('?##########')}-${rng.fill('?############')}-${rng.hex(32)}`,
        () => `xapp-1-A${rng.chars(UPPER, 10)}-${rng.fill('?############')}-${rng.hex(64)}`
      ])(),
    ['slack token']
  ),
  {
    name: 'slack_webhook',
    keys: ['webhook', 'slack_webhook_url', 'notify_url'],
    labels: ['webhook', 'slack webhook'],
    look: 'token',
    write: rng => {
      const path = `T${rng.chars(UPPER, 9)}/B${rng.chars(UPPER, 9)}/${rng.chars(ALNUM, 24)}`
      return labelled(`https://hooks.slack.com/services/${path}`, path.slice(-24), false)
    }
  },
  token(
    'stripe_key',
    rng => rng.pick(['sk_live_', 'rk_live_', 'sk_test_', 'whsec_']) + rng.chars(ALNUM, rng.pick([24, 32, 99])),
    ['stripe key']
  ),
  token(
    'openai_key',
    rng => `${rng.pick(['sk-', 'sk-proj-', 'sk-svcacct-'])}${rng.chars(ALNUM, 20)}T3BlbkFJ${rng.chars(ALNUM, 20)}`,
    ['openai key']
  ),
  token(
    'anthropic_key',
    rng =>
      `sk-ant-api03-${rng.chars(ALNUM, 1)}${rng.chars(BASE64URL, 91)}${rng.chars(ALNUM, 1)}-${rng.chars(ALNUM, 6)}AA`,
    ['anthropic key']
  ),
  token('google_api_key', rng => `AIza${rng.chars(ALNUM, 1)}${rng.chars(BASE64URL, 33)}${rng.chars(ALNUM, 1)}`, [
    'google api key'
  ]),
  token('google_oauth', rng => `ya29.${rng.chars(ALNUM, 4)}${rng.chars(BASE64URL, 120)}${rng.chars(ALNUM, 1)}`, [
    'oauth token'
  ]),
  token('npm_token', rng => checked('npm_', rng), ['npm token']),
  token(
    'pypi_token',
    rng => `pypi-AgEIcHlwaS5vcmc${rng.chars(ALNUM, 2)}${rng.chars(BASE64URL, 140)}${rng.chars(ALNUM, 1)}`,
    ['pypi token']
  ),
  token('sendgrid_key', rng => `SG.${rng.chars(ALNUM, 22)}.${rng.chars(BASE64URL, 42)}${rng.chars(ALNUM, 1)}`, [
    'sendgrid key'
  ]),
  token('huggingface_token', rng => `hf_${rng.chars(ALNUM, 34)}`, ['hugging face token']),
  token('digitalocean_token', rng => `dop_v1_${rng.hex(64)}`, ['digitalocean token']),
  token('telegram_token', rng => `${rng.fill('?#########')}:AA${rng.chars(BASE64URL, 32)}${rng.chars(ALNUM, 1)}`, [
    'bot token'
  ]),
  {
    name: 'twilio_key',
    keys: ['twilio_api_key', 'twilio_key', 'api_key', 'twilio_token'],
    labels: ['twilio api key', 'twilio key', 'api key'],
    look: 'token',
    write: rng => bare(`SK${rng.hex(32)}`)
  },
  {
    name: 'jwt',
    keys: ['authorization', 'id_token', 'jwt', 'access_token', 'refresh_token'],
    labels: ['id token', 'jwt', 'access token'],
    look: 'token',
    weight: 1.5,
    write: rng => {
      const text = jwt(rng)
      return { text, needles: jwtNeedles(text), needsContext: false }
    }
  },
  {
    name: 'bearer',
    keys: ['authorization', 'auth_header', 'http_request_header_authorization'],
    labels: ['authorization'],
    look: 'token',
    write: bearer
  },
  {
    name: 'basic_auth',
    keys: ['authorization', 'auth_header', 'proxy_authorization'],
    labels: ['authorization'],
    look: 'token',
    write: basic
  },
  {
    name: 'private_key',
    keys: ['private_key', 'tls_key', 'signing_key', 'pem'],
    labels: ['private key'],
    look: 'token',
    write: pem
  },
  {
    name: 'url_password',
    keys: ['database_url', 'dsn', 'broker_url', 'endpoint'],
    labels: ['dsn', 'database url', 'url'],
    look: 'token',
    weight: 2,
    write: urlPassword
  },
  {
    name: 'connection_string',
    keys: ['connection_string', 'db_connection_string', 'conn_str'],
    labels: ['connection string'],
    look: 'token',
    weight: 1.5,
    write: connectionString
  },
  {
    name: 'signed_url',
    keys: ['download_url', 'url_full', 'location'],
    labels: ['download url', 'location'],
    look: 'token',
    write: signedUrl
  },
  {
    name: 'cookie',
    keys: ['headers', 'http_request_header_cookie', 'request_headers'],
    labels: ['headers'],
    look: 'token',
    write: cookie
  },
  {
    name: 'session_id',
    keys: ['sessionid', 'sid', 'jsessionid', 'phpsessid', 'connect.sid', 'shop_session', 'auth_token'],
    labels: ['sessionid', 'auth token', 'jsessionid'],
    look: 'token',
    write: sessionId
  },
  {
    name: 'password',
    keys: ['password', 'passwd', 'pwd', 'user_password', 'db_password', 'new_password', 'root_password', 'secret'],
    labels: ['password', 'passwd', 'pwd', 'secret'],
    look: 'token',
    weight: 3,
    write: rng => bare(password(rng))
  },
  {
    name: 'api_key',
    keys: ['api_key', 'apikey', 'x_api_key', 'client_secret', 'signing_secret', 'service_api_key', 'webhook_secret'],
    labels: ['api key', 'client secret', 'signing secret', 'API key'],
    look: 'token',
    weight: 2,
    write: apiKey
  },
  {
    name: 'btc_address',
    keys: ['btc_address', 'wallet', 'payout_wallet'],
    labels: ['wallet', 'btc address'],
    look: 'token',
    write: rng =>
      shaped(
        rng.pick([
          () => base58check(0, rng.bytes(20)),
          () => base58check(5, rng.bytes(20)),
          () => segwit(0, rng.bytes(20)),
          () => segwit(0, rng.bytes(32)),
          () => segwit(1, rng.bytes(32))
        ])()
      )
  },
  {
    name: 'eth_address',
    keys: ['eth_address', 'wallet', 'payout_wallet'],
    labels: ['wallet', 'eth address'],
    look: 'token',
    write: rng => shaped(`0x${rng.chance(0.4) ? rng.chars('0123456789abcdefABCDEF', 40) : rng.hex(40)}`)
  }
]
