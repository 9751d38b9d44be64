// Hard negatives: strings that look like personal data or secrets and are not. Not one byte of them may change.
//
// Decided here, because the rules leave room: private, loopback and link-local addresses stay; `git@host:path` is a
// machine's login and stays; a UUID under a session key is neither planted nor held as a negative.

import { luhnDigit } from './checksums.js'
import { ALNUM, BASE64URL, type Rng, UPPER } from './rng.js'

export interface Negative {
  /** Attribute key; undefined: free text, for names, messages and bodies. */
  readonly key?: string
  readonly value: string | bigint | number
}

export interface NegativeKind {
  readonly name: string
  make(rng: Rng): Negative
}

const uuid = (rng: Rng): string =>
  `${rng.hex(8)}-${rng.hex(4)}-4${rng.hex(3)}-${rng.pick(['8', '9', 'a', 'b'])}${rng.hex(3)}-${rng.hex(12)}`
const octet = (rng: Rng): number => rng.int(0, 255)
const iso = (rng: Rng): string =>
  `2026-${rng.pick(['01', '07', '12'])}-${rng.pick(['03', '17', '28'])}T${rng.pick(['00', '13', '23'])}:${rng.int(10, 59)}:${rng.int(10, 59)}`

function luhnNumber(rng: Rng, prefix: string, length: number): string {
  const body = prefix + rng.digits(length - prefix.length - 1)
  return body + luhnDigit(body)
}

function notLuhn(rng: Rng, length: number): string {
  const body = rng.fill('?') + rng.digits(length - 2)
  return body + ((Number(luhnDigit(body)) + rng.int(1, 9)) % 10)
}

const kv = (key: string, value: Negative['value']): Negative => ({ key, value })
const text = (value: string): Negative => ({ value })
const either = (rng: Rng, keys: readonly string[], value: string, prose: readonly string[]): Negative =>
  rng.chance(0.6) ? kv(rng.pick(keys), value) : text(rng.pick(prose).replace('{v}', () => value))
const kind = (name: string, make: (rng: Rng) => Negative): NegativeKind => ({ name, make })

export const NEGATIVES: readonly NegativeKind[] = [
  kind('uuid', rng =>
    either(rng, ['workflow.id', 'request.id', 'correlation_id', 'message.uuid'], uuid(rng), [
      'run {v} finished',
      'started job {v}'
    ])
  ),
  kind('uuid_plain', rng => kv('job.uid', uuid(rng).replaceAll('-', ''))),
  kind('trace_id', rng =>
    either(rng, ['trace_id', 'parent.trace', 'dd.trace_id'], rng.hex(32), ['trace {v} sampled', 'linked to trace {v}'])
  ),
  kind('span_id', rng => either(rng, ['span_id', 'parent_id'], rng.hex(16), ['parent span {v} missing'])),
  kind('traceparent', rng => kv('http.request.header.traceparent', `00-${rng.hex(32)}-${rng.hex(16)}-01`)),
  kind('sha256', rng =>
    either(rng, ['artifact.sha256', 'content.digest', 'file.hash'], rng.hex(64), ['checksum {v} verified'])
  ),
  kind('sha1', rng => kv(rng.pick(['object.sha1', 'etag', 'blob.hash']), rng.hex(40))),
  kind('md5', rng => kv(rng.pick(['file.md5', 'etag', 'content_md5']), rng.hex(32))),
  kind('git_hash', rng =>
    either(rng, ['vcs.ref.head.revision', 'git.commit', 'build.revision'], rng.hex(rng.pick([7, 8, 40])), [
      'built from commit {v}',
      'deploy of {v} done'
    ])
  ),
  kind('image_digest', rng => kv('container.image.name', `registry.acme-data.net/flow/step@sha256:${rng.hex(64)}`)),
  kind('four_part_version', rng =>
    either(
      rng,
      ['service.version', 'telemetry.sdk.version', 'app.version', 'driver_version', 'host.os.version'],
      `${rng.int(1, 120)}.${octet(rng)}.${octet(rng)}.${octet(rng)}`,
      ['upgraded to version {v}', 'client v{v} connected', 'agent: Chrome/{v}', 'using driver version {v} now']
    )
  ),
  kind('semver', rng =>
    either(
      rng,
      ['service.version', 'package.version'],
      `${rng.int(0, 20)}.${rng.int(0, 99)}.${rng.int(0, 99)}${rng.pick(['', '-rc.1', '+build.77', '-SNAPSHOT'])}`,
      ['running flow {v}']
    )
  ),
  kind('semver_range', rng =>
    kv(
      'dependency.range',
      rng.pick([`^${rng.int(1, 9)}.4.0`, `>=1.2.3 <${rng.int(2, 9)}.0.0`, `~${rng.int(1, 9)}.1.10`, '1.x || >=2.5.0'])
    )
  ),
  kind('oid', rng =>
    either(
      rng,
      ['snmp.oid', 'cert.policy', 'ldap.control'],
      `1.3.6.1.4.1.${rng.int(100, 60000)}.${rng.int(1, 20)}.${rng.int(1, 99)}`,
      ['no such object {v}', 'unknown extension {v}']
    )
  ),
  kind('epoch_seconds', rng =>
    kv(rng.pick(['created_at', 'iat', 'last_seen', 'ts']), BigInt(rng.int(1_500_000_000, 1_790_000_000)))
  ),
  kind('epoch_seconds_text', rng =>
    kv(rng.pick(['created', 'expires', 'mtime']), String(rng.int(1_500_000_000, 1_790_000_000)))
  ),
  kind('epoch_millis', rng =>
    either(
      rng,
      ['timestamp', 'event.time', 'queued_at_ms'],
      String(rng.int(1_500_000_000, 1_790_000_000)) + rng.digits(3),
      ['heartbeat at {v}', 'clock {v} drifted']
    )
  ),
  kind('epoch_micros', rng => kv('time_us', BigInt(String(rng.int(1_500_000_000, 1_790_000_000)) + rng.digits(6)))),
  kind('epoch_nanos', rng =>
    either(
      rng,
      ['start_time_unix_nano', 'observed_ns'],
      String(rng.int(1_500_000_000, 1_790_000_000)) + rng.digits(9),
      ['offset written at {v}']
    )
  ),
  kind('iso_time', rng =>
    either(
      rng,
      ['deadline', 'scheduled_for', 'window.start'],
      `${iso(rng)}${rng.pick(['Z', '.123Z', '+02:00', '.123456789Z'])}`,
      ['next run at {v}']
    )
  ),
  kind('plain_date', rng =>
    either(
      rng,
      ['report.date', 'partition', 'build.date', 'release_date'],
      `20${rng.int(19, 26)}-${rng.pick(['01', '05', '11'])}-${rng.pick(['02', '14', '30'])}`,
      ['loading partition {v}', 'backup of {v} is complete']
    )
  ),
  kind('order_id_not_luhn', rng =>
    either(rng, ['order.id', 'order_number', 'transaction.ref', 'batch'], notLuhn(rng, 16), [
      'order {v} packed',
      'shipment {v} left'
    ])
  ),
  kind('order_id_luhn', rng =>
    kv(
      rng.pick(['order.id', 'order_id', 'orderId', 'record.id', 'kafka.offset', 'message_id', 'sequence_id']),
      luhnNumber(rng, rng.pick(['4539', '5212', '6011']), 16)
    )
  ),
  kind('offset_luhn_int', rng =>
    kv(rng.pick(['messaging.kafka.offset', 'file.offset', 'order_id']), BigInt(luhnNumber(rng, '4', 16)))
  ),
  kind('card_near_miss', rng =>
    either(rng, ['note', 'memo', 'detail'], notLuhn(rng, 16).replace(/(.{4})(?=.)/g, '$1 '), ['lot {v} arrived'])
  ),
  kind('ssn_near_miss', rng =>
    either(
      rng,
      ['part.number', 'memo', 'detail'],
      `${rng.pick(['000', '666'])}-${rng.int(10, 99)}-${rng.int(1000, 9999)}`,
      ['part {v} is out of stock']
    )
  ),
  kind('iban_near_miss', rng => kv(rng.pick(['memo', 'detail']), `DE00${rng.digits(18)}`)),
  kind('short_number', rng =>
    kv(
      rng.pick(['step.total', 'rows', 'workflow.total_steps', 'retry.count', 'queue.depth']),
      BigInt(rng.int(0, 99_999))
    )
  ),
  kind('big_count', rng =>
    kv(
      rng.pick(['rows.processed', 'bytes.total', 'step.input_size_bytes', 'records_read']),
      BigInt(rng.int(100_000_000, 2_000_000_000))
    )
  ),
  kind('nine_digit_number', rng =>
    either(rng, ['build.number', 'sequence', 'row', 'ticket'], rng.fill('?########'), [
      'processed {v} rows',
      'build {v} started'
    ])
  ),
  kind('eleven_digit_number', rng =>
    either(rng, ['sequence', 'file.size', 'row_count'], rng.fill('?##########'), [
      'wrote {v} bytes',
      'checkpoint {v} saved'
    ])
  ),
  kind('duration', rng =>
    either(
      rng,
      ['step.timeout', 'elapsed', 'retry.after', 'password_ttl'],
      rng.pick([
        `${rng.int(1, 900)}ms`,
        `${rng.int(1, 59)}m${rng.int(1, 59)}s`,
        `PT${rng.int(1, 9)}H`,
        `${rng.int(1, 90)}.5s`
      ]),
      ['took {v}', 'slept {v}']
    )
  ),
  kind('duration_double', rng => kv(rng.pick(['latency_ms', 'duration', 'cpu.seconds']), rng.int(1, 9_999_999) / 1024)),
  kind('pod_name', rng =>
    kv('k8s.pod.name', `flow-worker-${rng.hex(9)}-${rng.chars('bcdfghjklmnpqrstvwxz2456789', 5)}`)
  ),
  kind('host_name', rng =>
    either(
      rng,
      ['host.name', 'server.address', 'net.peer.name'],
      `ip-10-${octet(rng)}-${octet(rng)}-${octet(rng)}.eu-west-1.compute.internal`,
      ['node {v} is ready']
    )
  ),
  kind('container_id', rng => kv('container.id', rng.hex(64))),
  kind('scoped_package', rng =>
    either(
      rng,
      ['package.name', 'npm.module'],
      rng.pick([
        `@opentelemetry/api@1.${rng.int(1, 9)}.0`,
        `@acme/flow-${rng.chars('abcdef', 4)}`,
        `@types/node@20.${rng.int(1, 19)}.1`
      ]),
      ['resolved {v} from cache']
    )
  ),
  kind('object_to_string', rng =>
    either(
      rng,
      ['handler', 'lock.owner', 'arg0'],
      `com.acme.flow.${rng.pick(['Worker', 'StepRunner', 'Lease'])}@${rng.hex(rng.pick([7, 8]))}`,
      ['released {v}', 'waiting on {v}']
    )
  ),
  kind('git_remote', rng => kv('vcs.repository.url.full', `git@github.com:acme/flow-${rng.int(1, 99)}.git`)),
  kind('file_path', rng =>
    either(
      rng,
      ['code.file.path', 'log.file.path', 'artifact.path'],
      rng.pick([
        `/srv/flow/releases/20260${rng.int(1, 9)}14/bin/step-${rng.int(1, 9)}`,
        `C:\\flow\\jobs\\run_${rng.digits(4)}.log`,
        `/var/lib/flow/part-${rng.digits(5)}-c000.parquet`
      ]),
      ['cannot open {v}']
    )
  ),
  kind('sql_placeholders', rng =>
    kv(
      rng.pick(['db.query.text', 'db.statement']),
      rng.pick([
        'SELECT email, phone FROM customers WHERE id = $1',
        'INSERT INTO users (name, password, ssn) VALUES (?, ?, ?)',
        `UPDATE accounts SET password = :password WHERE id = :id LIMIT ${rng.int(1, 99)}`,
        'SELECT * FROM cards WHERE pan = %s AND iban = %s',
        `SELECT count(*) FROM runs WHERE state = 'failed' AND attempt > ${rng.int(1, 9)}`
      ])
    )
  ),
  kind('base64_binary', rng =>
    kv(rng.pick(['payload.preview', 'thumbnail', 'protobuf.body']), rng.bytes(rng.int(30, 90)).toString('base64'))
  ),
  kind('private_ip', rng =>
    either(
      rng,
      ['server.address', 'host.ip', 'k8s.pod.ip'],
      rng.pick([
        `10.${octet(rng)}.${octet(rng)}.${octet(rng)}`,
        `192.168.${octet(rng)}.${octet(rng)}`,
        `172.${rng.int(16, 31)}.${octet(rng)}.${octet(rng)}`,
        '127.0.0.1',
        '0.0.0.0'
      ]),
      ['listening on {v}', 'pod got {v}:8080']
    )
  ),
  kind('loopback_v6', rng =>
    kv('server.address', rng.pick(['::1', 'fe80::1', '[::1]:4317', 'fd12:3456:789a::17', '::']))
  ),
  kind('bearer_realm', rng =>
    kv('http.response.header.www-authenticate', `Bearer realm="flow-${rng.int(1, 99)}", error="invalid_token"`)
  ),
  kind('auth_prose', rng =>
    text(
      rng.pick([
        'password reset requested',
        'Bearer token missing',
        'invalid API key format',
        'the password must have at least 12 characters',
        'token expired, please sign in again',
        'secret rotation finished',
        'authorization failed: no bearer token',
        'user changed password successfully',
        'basic auth disabled'
      ]) + rng.pick(['', ` (attempt ${rng.int(2, 9)})`])
    )
  ),
  kind('sensitive_key_boolean', rng => ({
    key: rng.pick(['password', 'has_password', 'api_key', 'password_changed', 'ssn_present', 'token_valid', 'secret']),
    value: rng.pick(['true', 'false'])
  })),
  kind('sensitive_key_placeholder', rng =>
    kv(
      rng.pick(['password', 'db.password', 'client_secret']),
      rng.pick(['?', '$1', '%s', ':password', '', 'null', '$2', ':secret'])
    )
  ),
  kind('token_counts', rng =>
    kv(
      rng.pick([
        'gen_ai.usage.input_tokens',
        'gen_ai.usage.output_tokens',
        'llm.token_count',
        'max_tokens',
        'tokens.remaining'
      ]),
      BigInt(rng.int(1, 128_000))
    )
  ),
  kind('metric_name', rng =>
    kv(
      'metric',
      rng.pick([
        'algoflow.step.duration',
        'http.server.request.duration',
        'process.cpu.time',
        'jvm.gc.pause_seconds_bucket',
        `flow_queue_depth_p${rng.int(50, 99)}`
      ])
    )
  ),
  kind('stack_frame', rng =>
    either(
      rng,
      ['code.stacktrace', 'exception.stacktrace'],
      `\tat com.acme.flow.Step$Runner.lambda$run$${rng.int(0, 9)}(Step.java:${rng.int(10, 900)})\n\tat java.base/java.lang.Thread.run(Thread.java:1583)`,
      ['java.io.IOException: broken pipe\n{v}']
    )
  ),
  kind('service_name', rng =>
    kv(
      rng.pick([
        'service.name',
        'peer.service',
        'k8s.deployment.name',
        'messaging.destination.name',
        'db.collection.name',
        'workflow.name',
        'step.name',
        'db.namespace',
        'cloud.account.name',
        'thread.name',
        'host.name',
        'process.executable.name'
      ]),
      rng.pick([
        'Payment Gateway',
        'Nightly Report',
        'Order Service',
        'Customer Import',
        'Ledger Sync',
        'Billing Export'
      ]) + rng.pick(['', ` ${rng.int(1, 99)}`])
    )
  ),
  kind('thread_name', rng =>
    kv(
      'thread.name',
      rng.pick([
        `http-nio-8080-exec-${rng.int(1, 200)}`,
        `ForkJoinPool.commonPool-worker-${rng.int(1, 16)}`,
        `kafka-producer-network-thread | flow-${rng.int(1, 9)}`
      ])
    )
  ),
  kind('cron', rng =>
    either(
      rng,
      ['schedule', 'cron.expression'],
      rng.pick([`*/${rng.int(2, 30)} * * * *`, `0 ${rng.int(0, 23)} * * 1-5`, `0 0/${rng.int(5, 30)} * * * ?`]),
      ['next fire by {v}']
    )
  ),
  kind('coordinates', rng =>
    kv(
      rng.pick(['tile.centre', 'geo.bounds', 'region.anchor']),
      `${rng.int(-80, 80)}.${rng.digits(6)},${rng.int(-170, 170)}.${rng.digits(6)}`
    )
  ),
  kind('currency', rng =>
    either(
      rng,
      ['amount', 'invoice.total', 'budget'],
      rng.pick([
        `${rng.int(1, 999)},${rng.digits(3)},${rng.digits(3)}.${rng.digits(2)} USD`,
        `EUR ${rng.int(1, 99)}.${rng.digits(3)},${rng.digits(2)}`,
        `$${rng.int(1, 9999)}.${rng.digits(2)}`
      ]),
      ['charged {v} in total']
    )
  ),
  kind('document_number', rng =>
    either(
      rng,
      ['invoice.number', 'ticket', 'case.ref'],
      rng.pick([
        `INV-2026-${rng.digits(6)}`,
        `CHG${rng.digits(7)}`,
        `JIRA-${rng.int(1, 99999)}`,
        `PO#${rng.digits(8)}`,
        `FLOW-${rng.int(100, 999)}-${rng.digits(4)}`
      ]),
      ['closed {v}', 'see {v} for details']
    )
  ),
  kind('hex_colour', rng => kv(rng.pick(['ui.color', 'theme.accent']), `#${rng.hex(rng.pick([3, 6, 8]))}`)),
  kind('hex_groups', rng =>
    kv(
      rng.pick(['fingerprint', 'wwn', 'guid.part']),
      Array.from({ length: rng.pick([4, 5, 8, 16, 20]) }, () => rng.hex(2)).join(':')
    )
  ),
  kind('hex_address', rng =>
    either(rng, ['pointer', 'arg1'], `0x${rng.hex(rng.pick([8, 12, 16]))}`, ['fault at {v}', 'segfault near {v}'])
  ),
  kind('hex_hash_0x', rng => kv(rng.pick(['tx.hash', 'block.hash']), `0x${rng.hex(64)}`)),
  kind('arn', rng =>
    kv(
      rng.pick(['aws.ecs.task.arn', 'cloud.resource_id']),
      `arn:aws:ecs:eu-west-1:${rng.fill('?###########')}:task/flow/${rng.hex(32)}`
    )
  ),
  kind('url_plain', rng =>
    either(
      rng,
      ['url.full', 'http.url'],
      rng.pick([
        `https://api.acme-data.net/v${rng.int(1, 3)}/runs/${rng.int(1, 9999)}?page=${rng.int(1, 9)}&sort=asc`,
        'http://localhost:4318/v1/traces',
        `https://docs.acme-data.net/errors#E${rng.int(100, 999)}`
      ]),
      ['GET {v} 200', 'redirected to {v}']
    )
  ),
  kind('user_agent', rng =>
    kv(
      'user_agent.original',
      rng.pick([
        `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${rng.int(100, 140)}.0.${rng.int(1000, 7000)}.${rng.int(10, 250)} Safari/537.36`,
        `okhttp/4.${rng.int(1, 12)}.0`,
        `OTel-OTLP-Exporter-Python/1.${rng.int(10, 40)}.0`
      ])
    )
  ),
  kind('header_names', rng =>
    text(
      `allowed headers: Authorization, Cookie, X-Api-Key, Content-Type${rng.pick(['', ', X-Request-Id', ', Set-Cookie'])}`
    )
  ),
  kind('algoflow_attributes', rng =>
    kv(
      rng.pick(['workflow.version', 'step.error_type', 'step.dependencies', 'workflow.parallelism']),
      rng.pick([`2026.${rng.int(1, 12)}.${rng.int(1, 30)}`, 'TimeoutError', 'load,clean,join', 'bounded(8)'])
    )
  ),
  kind('mention', rng => text(`@${rng.pick(['flow-team', 'oncall', 'platform'])} step ${rng.int(1, 40)} needs review`)),
  kind('decorator', rng => text(`@app.route("/runs/<int:run>") failed for run ${rng.int(1, 9999)}`)),
  kind('time_range', rng =>
    text(`window ${rng.int(10, 12)}:${rng.int(10, 59)}:00-${rng.int(13, 23)}:${rng.int(10, 59)}:00 closed`)
  ),
  kind('mac_near_miss', rng =>
    kv('serial', Array.from({ length: rng.pick([5, 7]) }, () => rng.hex(2).toUpperCase()).join('-'))
  ),
  kind('upper_code', rng =>
    kv(
      rng.pick(['error.code', 'sku', 'region.code']),
      rng.pick([
        `ERR_${rng.chars(UPPER, 8)}`,
        `${rng.chars(UPPER, 3)}-${rng.digits(4)}-${rng.chars(UPPER, 2)}`,
        'SQLSTATE[23505]',
        `ORA-${rng.digits(5)}`
      ])
    )
  ),
  kind('etag_weak', rng => kv('http.response.header.etag', `W/"${rng.hex(12)}-${rng.int(1, 9999)}"`)),
  kind('ulid', rng => kv(rng.pick(['run.id', 'event.id']), `01J${rng.chars('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 23)}`)),
  kind('cursor', rng => kv(rng.pick(['page.cursor', 'next_page']), rng.chars(BASE64URL, 24))),
  kind('short_id', rng => either(rng, ['span.ref', 'deployment.id'], rng.chars(ALNUM, 10), ['deployment {v} is live'])),
  kind('telling_key_enum', rng => {
    const pairs = [
      ['card.brand', 'visa'],
      ['email.status', 'bounced'],
      ['phone.type', 'mobile'],
      ['address.kind', 'billing'],
      ['passport.check', 'passed'],
      ['token.type', 'Bearer'],
      ['password.strength', 'strong'],
      ['cookie.consent', 'accepted'],
      ['ip.version', '4'],
      ['iban.country', 'DE'],
      ['auth.method', 'api_key']
    ] as const
    const [key, word] = rng.pick(pairs)
    return kv(key, word)
  }),
  kind('telling_key_count', rng =>
    kv(
      rng.pick(['emails.sent', 'password.attempts', 'session.count', 'phone.retries', 'cards.processed']),
      BigInt(rng.int(0, 5000))
    )
  ),
  kind('log_prefix', rng =>
    text(
      `2026-0${rng.int(1, 9)}-1${rng.int(0, 9)} 13:${rng.int(10, 59)}:${rng.int(10, 59)},${rng.digits(3)} INFO [worker-${rng.int(1, 9)}] Flow.Engine - step done`
    )
  ),
  kind('cidr', rng =>
    kv(
      rng.pick(['network.cidr', 'allow.from']),
      rng.pick(['10.0.0.0/8', `192.168.${rng.int(0, 255)}.0/24`, 'fd00::/8'])
    )
  ),
  kind('dimension', rng =>
    either(rng, ['image.size', 'viewport'], `${rng.int(100, 9000)}x${rng.int(100, 9000)}`, ['resized to {v}'])
  ),
  kind('number_range', rng =>
    either(rng, ['shard.range', 'rows'], `${rng.int(1000, 4999)}-${rng.int(5000, 9999)}`, ['rows {v} done'])
  ),
  kind('ean', rng => kv('product.ean', `${rng.pick(['5', '7', '8', '9'])}${rng.digits(12)}`)),
  kind('isbn', rng => kv('book.isbn', `978-3-16-${rng.digits(6)}-${rng.digits(1)}`)),
  kind('tracking_number', rng => kv('shipment.tracking', `1Z999AA1${rng.digits(10)}`)),
  kind('topic_partition', rng =>
    either(rng, ['assignment', 'consumer.position'], `flow-events-${rng.int(0, 31)}@${rng.digits(8)}`, ['seek to {v}'])
  ),
  kind('shell_prompt', rng => text(`root@node-${rng.int(1, 99)}:~# flowctl status`)),
  kind('ssh_url', rng => kv('vcs.repository.url.full', `ssh://git@github.com/acme/flow-${rng.int(1, 99)}.git`)),
  kind('url_without_password', rng =>
    kv(
      'db.connection_string',
      rng.pick([
        'jdbc:postgresql://db-3.flows.internal:5432/ledger',
        'redis://cache-1.flows.internal:6379/0',
        `amqp://broker-${rng.int(1, 9)}.flows.internal:5672`
      ])
    )
  ),
  kind('maven_coordinates', rng =>
    either(
      rng,
      ['dependency', 'artifact'],
      `com.acme.flow:flow-core:${rng.int(1, 9)}.${rng.int(0, 20)}.${rng.int(0, 9)}`,
      ['resolving {v}']
    )
  ),
  kind('base64_json_innocent', rng =>
    kv(
      rng.pick(['event.payload', 'state.snapshot']),
      Buffer.from(`{"seq":${rng.int(1, 999)},"state":"open","steps":["load","clean"]}`).toString('base64')
    )
  ),
  kind('percent_path', rng =>
    either(rng, ['url.path', 'artifact.path'], `/flows/nightly%20ledger/part%2F${rng.int(1, 99)}`, ['cannot find {v}'])
  ),
  kind('html_escaped', rng =>
    text(`expected a &lt; b &amp;&amp; c &gt; ${rng.int(1, 99)} in rule &#35;${rng.int(1, 9)}`)
  ),
  kind('unicode_escaped', rng => text(`{"title":"caf\\u00e9 \\u2013 report ${rng.int(1, 99)}"}`)),
  kind('unicode_text', rng =>
    text(
      `${rng.pick(['ステップ完了', 'خطوة ٤ اكتملت', 'шаг завершён ✓', '步骤失败：超时', '👩‍💻 deploy done', 'ｓｔｅｐ ｏｎｅ', 'naïve café – done', 'zero\u200bwidth text'])} ${rng.int(1, 99)}`
    )
  ),
  kind('scheme_words', rng =>
    text(
      `${rng.pick(['Basic plan selected', 'the bearer of the report', 'Digest finished', 'token bucket is empty', 'cookie banner shown', 'key rotation is due', 'address already in use', 'phone home disabled', 'card view rendered', 'name resolution failed'])} (${rng.int(1, 99)})`
    )
  ),
  kind('customer_number', rng =>
    kv(rng.pick(['customer.id', 'user.id', 'tenant.id', 'enduser.id', 'account.id']), BigInt(rng.fill('?########')))
  ),
  kind('name_of_thing', rng =>
    kv(
      rng.pick([
        'file.name',
        'rule.name',
        'queue.name',
        'event.name',
        'template.name',
        'team.name',
        'feature_flag.name',
        'product.name'
      ]),
      rng.pick(['Final Report', 'Retry Policy', 'Red Chair', 'Data Platform', 'New Checkout', 'Welcome Letter']) +
        rng.pick(['', ` v${rng.int(2, 9)}`])
    )
  )
]
