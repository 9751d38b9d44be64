// What looks dangerous and is not: kinds of the `second` corpus (may be read) and of the `heldout` one (totals only).

import { createHash } from 'node:crypto'
import { luhnDigit } from '../checksums.js'
import type { Negative, NegativeKind } from '../negatives.js'
import { ALNUM, BASE64URL, LOWER, type Rng, UPPER } from '../rng.js'
import type { Split } from './values.js'

type Make = (rng: Rng) => Negative | string

const kind = (name: string, make: Make): NegativeKind => ({
  name,
  make: rng => {
    const made = make(rng)
    return typeof made === 'string' ? { value: made } : made
  }
})

/** Under the given key. */
const under = (key: string, value: string | bigint | number): Negative => ({ key, value })

const pad = (number: number, width = 2): string => String(number).padStart(width, '0')
const uuid = (rng: Rng): string =>
  `${rng.hex(8)}-${rng.hex(4)}-4${rng.hex(3)}-${rng.pick(['8', '9', 'a', 'b'])}${rng.hex(3)}-${rng.hex(12)}`
const ulid = (rng: Rng): string => `01${rng.chars('ABCDEFGHJKMNPQRSTVWXYZ0123456789', 24)}`
const lan = (rng: Rng): string => `10.${rng.int(0, 255)}.${rng.int(0, 255)}.${rng.int(1, 254)}`
const version = (rng: Rng): string => `${rng.int(0, 30)}.${rng.int(0, 40)}.${rng.int(0, 90)}`
const iso = (rng: Rng): string =>
  `20${rng.int(20, 26)}-${pad(rng.int(1, 12))}-${pad(rng.int(1, 28))}T${pad(rng.int(0, 23))}:${pad(rng.int(0, 59))}:${pad(rng.int(0, 59))}.${rng.digits(rng.pick([3, 6, 9]))}Z`
/** Sixteen digits that no card scheme would give out: the check digit is wrong. */
const noCard = (rng: Rng): string => {
  const body = `4${rng.digits(14)}`
  return body + String((Number(luhnDigit(body)) + rng.int(1, 9)) % 10)
}
const digest = (rng: Rng, name: string): string => createHash(name).update(rng.hex(20)).digest('hex')
const pod = (rng: Rng): string =>
  `${rng.pick(['billing-api', 'flow-worker', 'intake'])}-${rng.chars('bcdfghjklmnpqrstvwxz2456789', 10)}-${rng.chars('bcdfghjklmnpqrstvwxz2456789', 5)}`

const second: readonly NegativeKind[] = [
  kind('git sha', rng => `deployed commit ${rng.hex(40)} to staging`),
  kind('short sha', rng => `HEAD is now at ${rng.hex(7)} fix typo`),
  kind('uuid in path', rng => `GET /v1/jobs/${uuid(rng)}/steps/${rng.int(1, 99)}`),
  kind('ulid', rng => under('workflow.run_id', ulid(rng))),
  kind('trace id', rng => `traceparent: 00-${rng.hex(32)}-${rng.hex(16)}-01`),
  kind('order number', rng => `order ${rng.digits(12)} packed in ${rng.int(1, 9)} boxes`),
  kind('order key', rng => under('order.number', rng.digits(16))),
  kind('wrong luhn', rng => `reference ${noCard(rng)} booked`),
  kind('wrong luhn grouped', rng => `ref ${(noCard(rng).match(/.{4}/g) ?? []).join(' ')} is not known`),
  kind('semver', rng => `upgraded acme-core from ${version(rng)} to ${version(rng)}-rc.${rng.int(1, 9)}`),
  kind('four part version', rng => under('service.version', `${version(rng)}.${rng.int(0, 999)}`)),
  kind('user agent', rng =>
    under(
      'user_agent.original',
      `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${rng.int(100, 140)}.0.${rng.int(1000, 9999)}.${rng.int(10, 200)} Safari/537.36`
    )
  ),
  kind('iso time', rng => `window ${iso(rng)} to ${iso(rng)} closed`),
  kind('epoch numbers', rng => under('scheduled_at', BigInt(`17${rng.digits(11)}`))),
  kind('nanoseconds', rng => under('start_ns', BigInt(`17${rng.digits(17)}`))),
  kind('coordinates', rng => `centre at ${rng.int(-80, 80)}.${rng.digits(6)}, ${rng.int(-170, 170)}.${rng.digits(6)}`),
  kind('isbn', rng => `ISBN 978-${rng.digits(1)}-${rng.digits(3)}-${rng.digits(5)}-${rng.digits(1)} out of print`),
  kind('ean', rng => under('product.ean', `40${rng.digits(11)}`)),
  kind('pod', rng => under('k8s.pod.name', pod(rng))),
  kind('image digest', rng => `pulled registry.acme-data.net/app@sha256:${rng.hex(64)}`),
  kind('build number', rng => `build #${rng.digits(6)} (${rng.hex(8)}) finished in ${rng.int(10, 900)}s`),
  kind(
    'java frame',
    rng =>
      `\tat com.acme.flow.Step$Inner.lambda$run$${rng.int(0, 9)}(Step.java:${rng.int(10, 999)}) ~[app-${version(rng)}.jar:?]`
  ),
  kind('object at hash', rng => `com.acme.flow.Customer@${rng.hex(8)} was not serialisable`),
  kind('npm scope', rng => `npm WARN deprecated @acme/ui-kit@${version(rng)}: use @acme/kit`),
  kind('git address', () => 'cloning git@git.acme-data.net:team/flows.git'),
  kind(
    'bucket bounds',
    rng => `le=${rng.int(1, 9)}.${rng.digits(2)} count=${rng.digits(5)} sum=${rng.digits(7)}.${rng.digits(3)}`
  ),
  kind('hex dump', rng => `00000010  ${(rng.hex(32).match(/../g) ?? []).join(' ')}  |................|`),
  kind(
    'base64 image',
    rng => `data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA${Buffer.from(rng.bytes(90)).toString('base64')}`
  ),
  kind('md5', rng => under('file.hash', digest(rng, 'md5'))),
  kind('etag', rng => `ETag: W/"${rng.hex(16)}-${rng.hex(6)}"`),
  kind('port list', rng => `listening on ${rng.int(1024, 65000)}, ${rng.int(1024, 65000)} and ${rng.int(1024, 65000)}`),
  kind('private address', rng => under('server.address', lan(rng))),
  kind('loopback', rng => `connect to 127.0.0.1:${rng.int(1024, 65000)} refused`),
  kind(
    'unix path',
    rng => `/var/lib/flows/${rng.digits(4)}/${rng.hex(12)}/part-${pad(rng.int(0, 99), 5)}.parquet missing`
  ),
  kind('windows path', rng => `C:\\Program Files\\Acme\\flow-${version(rng)}\\bin\\run.exe exited ${rng.int(1, 9)}`),
  kind('cron line', rng => `*/${rng.int(2, 30)} ${rng.int(0, 23)} * * 1-5 /opt/flows/run.sh nightly`),
  kind('price', rng => `total EUR ${rng.int(1, 900)}.${rng.digits(2)} (net ${rng.int(1, 900)}.${rng.digits(2)})`),
  kind(
    'licence text',
    () => 'Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file'
  ),
  kind('copyright', () => 'Permission is hereby granted, free of charge, to any person obtaining a copy'),
  kind('service name', rng => under('service.name', rng.pick(['Claims Intake', 'Ledger Export', 'Price Sync']))),
  kind('workflow name', rng =>
    under('workflow.name', rng.pick(['Customer Onboarding', 'Nightly Ledger', 'Patient Import']))
  ),
  kind('host name', rng =>
    under('host.name', `ip-10-${rng.int(0, 255)}-${rng.int(0, 255)}-${rng.int(1, 254)}.ec2.internal`)
  ),
  kind('thread name', rng => under('thread.name', `http-nio-8080-exec-${rng.int(1, 99)}`)),
  kind('product name', rng =>
    under('product.name', rng.pick(['Nordic Oak Table', 'Blue Mountain Coffee', 'Winter Jacket']))
  ),
  kind('event name', rng => under('event.name', rng.pick(['Checkout Started', 'Profile Viewed']))),
  kind('password prose', rng =>
    rng.pick([
      'password reset mail sent',
      'password must have 12 characters',
      'no password was given',
      'password expired 3 days ago',
      'wrong password for account'
    ])
  ),
  kind('password flags', rng => under('password_changed', rng.pick(['true', 'false', 'never']))),
  kind('password policy', rng => under('password.min_length', BigInt(rng.int(8, 20)))),
  kind('token counts', rng => under('llm.usage.total_tokens', BigInt(rng.int(100, 90_000)))),
  kind('token prose', rng => `${rng.int(100, 9000)} tokens used of ${rng.int(9000, 99_000)}`),
  kind('placeholders', rng =>
    rng.pick([
      'password=${DB_PASSWORD}',
      'password=%s',
      'password: ?',
      'secret=:secret',
      'api_key=$API_KEY',
      'password=<redacted>',
      'password=****',
      'pwd={{ .Values.pwd }}'
    ])
  ),
  kind('sql placeholders', rng =>
    rng.pick([
      'SELECT * FROM users WHERE email = ? AND password = ?',
      'INSERT INTO users (email, ssn, dob) VALUES ($1, $2, $3)',
      'UPDATE members SET phone = :phone WHERE id = :id'
    ])
  ),
  kind('authenticate', () => 'WWW-Authenticate: Bearer realm="flows", error="invalid_token"'),
  kind('bearer prose', rng =>
    rng.pick(['Bearer token missing', 'unsupported scheme Basic', 'bearer authentication is required'])
  ),
  kind(
    'url without password',
    rng => `https://registry.acme-data.net:${rng.int(1024, 65000)}/v2/app/manifests/${version(rng)}`
  ),
  kind('percent', rng => `cpu at ${rng.int(10, 99)}.${rng.digits(4)}% of ${rng.int(1, 64)} cores`),
  kind('bytes', rng => `read ${rng.digits(10)} bytes of ${rng.digits(11)}`),
  kind('offsets', rng => under('messaging.kafka.offset', BigInt(`${rng.int(1, 9)}${rng.digits(14)}`))),
  kind('row counts', rng => `inserted ${rng.digits(9)} rows`),
  kind('durations', rng => under('elapsed', `${rng.int(1, 59)}m${rng.int(1, 59)}.${rng.digits(9)}s`)),
  kind('status', rng => `HTTP ${rng.pick([200, 404, 503])} in ${rng.int(1, 999)}.${rng.digits(3)} ms`),
  kind('sentence', rng =>
    rng.pick([
      'The patient import finished without errors',
      'Customer data was loaded',
      'the user closed the window',
      'Address already in use',
      'Name or service not known',
      'phone call dropped after the transfer',
      'account is locked',
      'card reader offline',
      'mail server is down'
    ])
  ),
  kind('place', rng => under('geo.region', rng.pick(['Baden-Württemberg', 'New South Wales', 'North Holland']))),
  kind('time zone', rng => under('app.tz', rng.pick(['Europe/Amsterdam', 'America/Sao_Paulo']))),
  kind('math', rng => `x = ${rng.int(1, 9)}.${rng.digits(15)}e-${rng.int(2, 9)}`),
  kind('ipv6 local', rng => `fe80::${rng.hex(4)}:${rng.hex(3)}ff:fe${rng.hex(2)}:${rng.hex(4)}%eth0 is up`),
  kind('ratio', rng => `${rng.digits(3)}/${rng.digits(3)} done, ${rng.digits(2)}:${rng.digits(2)} left`),
  kind('address words', rng => under('net.address_family', rng.pick(['inet', 'inet6']))),
  kind('memory address', rng => `segfault at 0x${rng.hex(12)} ip 0x${rng.hex(16)}`)
]

const heldout: readonly NegativeKind[] = [
  kind('sha256', rng => `checksum ${rng.hex(64)} verified`),
  kind('git describe', rng => under('vcs.describe', `v${version(rng)}-${rng.int(1, 99)}-g${rng.hex(7)}`)),
  kind('uuid key', rng => under('request.id', uuid(rng))),
  kind('uuid upper', rng => `job ${uuid(rng).toUpperCase()} queued`),
  kind('ksuid', rng => under('message.id', rng.chars(ALNUM, 27))),
  kind('object id', rng => `ObjectId("${rng.hex(24)}") not found`),
  kind('span id', rng => `parent=${rng.hex(16)} sampled=1`),
  kind('xray', rng => `X-Amzn-Trace-Id: Root=1-${rng.hex(8)}-${rng.hex(24)}`),
  kind('invoice', rng => `invoice INV-2026-${rng.digits(6)} was sent`),
  kind('ticket', rng => under('ticket', `OPS-${rng.digits(5)}`)),
  kind('tracking', rng => `parcel 00${rng.digits(18)} left the hub`),
  kind('sku', rng => under('sku', `${rng.chars(UPPER, 3)}-${rng.digits(4)}-${rng.chars(UPPER, 2)}`)),
  kind('transaction', rng => under('transaction_id', noCard(rng))),
  kind('sequence', rng => under('sequence_number', BigInt(`${rng.int(1, 9)}${rng.digits(15)}`))),
  kind('kernel', rng => `Linux 5.15.0-${rng.int(10, 120)}-generic #${rng.int(10, 120)}-Ubuntu SMP`),
  kind('driver version', rng => `driver version ${rng.int(400, 550)}.${rng.int(10, 99)}.${pad(rng.int(1, 9))} loaded`),
  kind('file version', rng => `msedge.exe version ${rng.int(90, 120)}.0.${rng.int(1000, 2000)}.${rng.int(10, 99)}`),
  kind('okhttp', rng => under('http.user_agent', `okhttp/${version(rng)} Dart/${rng.int(2, 3)}.${rng.int(1, 9)}`)),
  kind(
    'rfc time',
    rng =>
      `expires Tue, ${pad(rng.int(1, 28))} Nov 2026 ${pad(rng.int(0, 23))}:${pad(rng.int(0, 59))}:${pad(rng.int(0, 59))} GMT`
  ),
  kind(
    'syslog',
    rng =>
      `Mar ${rng.int(10, 28)} 0${rng.int(1, 9)}:${pad(rng.int(0, 59))}:${pad(rng.int(0, 59))} edge-${rng.int(1, 9)} kernel: [${rng.digits(5)}.${rng.digits(6)}] eth0: link up`
  ),
  kind('compact time', rng =>
    under('partition', `2026${pad(rng.int(1, 12))}${pad(rng.int(1, 28))}${pad(rng.int(0, 23))}`)
  ),
  kind('created', rng => under('created_at', iso(rng))),
  kind('due', rng => `due on 2026-${pad(rng.int(1, 12))}-${pad(rng.int(1, 28))}, reminder 3 days before`),
  kind('latitude', rng => under('geo.latitude', rng.next() * 80)),
  kind('upc', rng => `UPC ${rng.digits(12)} scanned`),
  kind('issn', rng => `ISSN ${rng.digits(4)}-${rng.digits(4)}`),
  kind('doi', rng => `doi:10.${rng.digits(4)}/s${rng.digits(5)}-0${rng.digits(2)}-${rng.digits(5)}-${rng.digits(1)}`),
  kind('container id', rng => under('container.id', rng.hex(64))),
  kind('replica set', rng => `scaled ${pod(rng)} to ${rng.int(1, 9)}`),
  kind('arn', rng => `arn:aws:lambda:eu-west-1:${rng.digits(12)}:function:intake:${rng.int(1, 90)}`),
  kind('aws ids', rng => `instance i-0${rng.hex(16)} in subnet-${rng.hex(8)} of vpc-${rng.hex(17)}`),
  kind('azure path', rng => `/subscriptions/${uuid(rng)}/resourceGroups/rg-flows/providers/x`),
  kind(
    'go frame',
    rng =>
      `main.(*Loader).Run(0xc000${rng.hex(6)}, {0x${rng.hex(6)}, 0x${rng.hex(2)}})\n\t/src/load.go:${rng.int(10, 900)} +0x${rng.hex(3)}`
  ),
  kind(
    'python frame',
    rng => `  File "/usr/lib/python3.11/site-packages/flows/core.py", line ${rng.int(10, 999)}, in send`
  ),
  kind(
    'haskell stack',
    rng =>
      `CallStack (from HasCallStack):\n  error, called at src/Flow/Load.hs:${rng.int(10, 999)}:${rng.int(1, 60)} in flows-0.${rng.int(1, 9)}.${rng.int(1, 9)}-${rng.chars(ALNUM, 22)}:Flow.Load`
  ),
  kind('ruby object', rng => `#<Flow::Step:0x0000${rng.hex(12)}>`),
  kind('maven', rng => `com.acme:flow-core:${version(rng)} resolved`),
  kind('pypi pin', rng => `requests==${version(rng)} urllib3>=${rng.int(1, 2)}.${rng.int(1, 26)}`),
  kind('decorator', rng => `@app.route("/x") took ${rng.int(1, 90)} ms`),
  kind('prometheus', rng => `http_requests_total{code="200",le="0.${rng.digits(2)}"} ${rng.digits(7)}`),
  kind(
    'gc',
    rng => `[GC (Allocation Failure) ${rng.digits(6)}K->${rng.digits(5)}K(${rng.digits(7)}K), 0.${rng.digits(7)} secs]`
  ),
  kind('hexes', rng => `reg x0=${rng.hex(16)} x1=${rng.hex(16)}`),
  kind('base64 blob', rng => under('payload.b64', rng.bytes(60).toString('base64'))),
  kind('bcrypt cost', rng => `bcrypt cost ${rng.int(8, 14)} took ${rng.int(50, 900)} ms`),
  kind('integrity', rng => `integrity sha512-${rng.bytes(64).toString('base64')}`),
  kind('crc', rng => under('crc32', rng.hex(8))),
  kind('host port', rng => `upstream ${lan(rng)}:${rng.int(1024, 65000)} timed out`),
  kind('cidr', rng => `route 10.${rng.int(0, 255)}.0.0/16 via 192.168.${rng.int(0, 255)}.1`),
  kind('link local', rng => `metadata at 169.254.169.254 answered in ${rng.int(1, 90)} ms`),
  kind(
    's3 path',
    rng =>
      `s3://acme-lake/events/dt=2026-0${rng.int(1, 9)}-1${rng.int(0, 9)}/part-${rng.digits(5)}-${uuid(rng)}.c000.snappy.parquet`
  ),
  kind('python path', rng => `/home/app/.venv/lib/python3.${rng.int(9, 13)}/site-packages`),
  kind('schedule', rng => under('schedule.cron', `${rng.int(0, 59)} ${rng.int(0, 23)} * * ${rng.int(0, 6)}`)),
  kind('amounts', rng => `paid ${rng.int(1, 9)},${rng.digits(3)}.${rng.digits(2)} USD, fee 0.${rng.digits(2)}`),
  kind('mit', () => 'THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED'),
  kind('scope name', rng => under('otel.scope.name', rng.pick(['Acme Flow Engine', 'Ledger Tracer']))),
  kind('queue name', rng => under('queue.name', rng.pick(['Incoming Mail', 'Priority Claims']))),
  kind('collection', rng => under('db.collection.name', rng.pick(['Customers', 'patients', 'user_addresses']))),
  kind('step name', rng => under('step.name', rng.pick(['Load Customers', 'Send Email', 'Check Address']))),
  kind('node name', rng => under('k8s.node.name', `gke-pool-${rng.hex(8)}-${rng.chars(LOWER, 4)}`)),
  kind('team', rng => under('team.name', rng.pick(['Core Platform', 'Data Services']))),
  kind('display of thing', rng => under('dashboard.title', rng.pick(['Sales Overview', 'Queue Health']))),
  kind('secret flags', rng => under('secret.rotation_days', BigInt(rng.int(10, 90)))),
  kind('secret names', rng =>
    rng.pick([
      'mounted secret flows-tls at /etc/tls',
      'secret "db-credentials" not found',
      'reading key from /run/secrets/db_password'
    ])
  ),
  kind('pass words', rng =>
    rng.pick([
      'pass 2 of 3 done',
      'tests passed: 44',
      'passing null is not allowed',
      'password field is required',
      'forgot password link clicked',
      'Enter your password'
    ])
  ),
  kind('auth prose', rng =>
    rng.pick([
      'authorization header is missing',
      'authorization: none',
      'token expired',
      'invalid api key',
      'session closed by peer',
      'cookie consent shown'
    ])
  ),
  kind('more placeholders', rng =>
    rng.pick([
      '"password": "[FILTERED]"',
      'password: "{{password}}"',
      'api_key=null',
      "pwd=''",
      'token=undefined',
      'secret: REDACTED',
      'password=@Password',
      'PASSWORD=$(cat /run/pw)'
    ])
  ),
  kind('named parameters', rng =>
    rng.pick([
      'WHERE phone = @phone AND dob = @dob',
      'SELECT ssn, email FROM staff WHERE id = ANY($1)',
      'DELETE FROM cards WHERE card_number = ? LIMIT 1'
    ])
  ),
  kind('schema words', rng =>
    rng.pick([
      'column "email" does not exist',
      'type of ssn is varchar(11)',
      'index on members(phone, email)',
      'field dob must be a date',
      'passport is required'
    ])
  ),
  kind('max tokens', rng => under('gen_ai.request.max_tokens', BigInt(rng.int(100, 9000)))),
  kind('cards', rng => `${rng.int(2, 90)} cards in ${rng.int(2, 9)} columns`),
  kind('phone words', rng => `phone support queue: ${rng.int(1, 90)} waiting`),
  kind('ids with letters', rng => under('batch', `B${rng.digits(8)}`)),
  kind('nine digits', rng => `read ${rng.digits(9)} keys`),
  kind('eleven digits', rng => under('duration_us', BigInt(`1${rng.digits(10)}`))),
  kind('hyphenated', rng => `run ${rng.digits(4)}-${rng.digits(2)}-${rng.digits(2)}-${rng.digits(3)}`),
  kind('matrix', rng => `[[${rng.digits(3)}, ${rng.digits(3)}], [${rng.digits(3)}, ${rng.digits(4)}]]`),
  kind('score', rng => under('score', rng.next())),
  kind('resolution', rng => `${rng.int(600, 1999)}x${rng.int(600, 1999)}@${rng.int(24, 60)}`),
  kind('locale', rng => under('browser.language', rng.pick(['pt-BR', 'de-CH']))),
  kind('sentence', rng =>
    rng.pick([
      'Street level data was refreshed',
      'The recipient list is empty',
      'Display name is too long',
      'customer not found',
      'card number is invalid',
      'email could not be sent',
      'driver was unloaded',
      'Failed to bind address',
      'social feed is stale',
      'mobile layout chosen'
    ])
  ),
  kind('base64url id', rng => under('cursor', rng.chars(BASE64URL, 22)))
]

/** Kinds of a split. */
export const negativesOf = (split: Split): readonly NegativeKind[] => (split === 'second' ? second : heldout)
