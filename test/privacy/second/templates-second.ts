// Templates of the `second` corpus: may be read when something is missed.

import type { Templates } from './templates.js'

export const SECOND: Templates = {
  neutralKeys: ['detail', 'raw_line', 'note', 'payload', 'log.original', 'app.context', 'out', 'arg.2'],
  keyStyles: [
    '{k}',
    '{c}',
    '{P}',
    '{b}',
    'user.{k}',
    'app.customer.{c}',
    'http.request.header.{b}',
    'form.{k}',
    '{K}',
    'req.body.{c}',
    'new_{k}',
    '{k}_raw'
  ],
  short: ['{l} {v}', '{k}={v}', '{l}: {v}', '{k}:{v}'],
  neutral: {
    prose: [
      'worker {n} gave up on {v} after {n} attempts',
      'cannot resolve {v}',
      'Lookup for {v} returned {n} rows in {n} ms',
      '[{ts}] WARN {cls} - unexpected value {v}',
      '{ts} INFO [main] {cls}: handling {v} (attempt {n})',
      'panic: bad input {v}\n\ngoroutine {n} [running]:\nmain.main()\n\t/app/main.go:{n} +0x1d',
      'java.lang.IllegalStateException: no match for {v}\n\tat {cls}.run(IntakeStep.java:{n})\n\tat java.base/java.lang.Thread.run(Thread.java:833)',
      'Traceback (most recent call last):\n  File "/srv/app/flow.py", line {n}, in run\n    check(x)\nValueError: {v}',
      'thanks, {v} works now',
      'please remove {v} from the list',
      'see {v}.',
      'tried ({v}) and failed',
      'Error: {v}: not found',
      '{v} was rejected',
      'rejected {v}, will not retry',
      'got "{v}" but wanted something else',
      "got '{v}' but wanted something else",
      'seen `{v}` twice',
      'from <{v}> at {ts}',
      '{v} -> queue {word}',
      'diff: - {v}',
      '• {v}',
      '1) {v}\n2) nothing',
      'Incoming: {v} | status: {n}',
      'uncaught exception: {v}!',
      'key {hex8} -> {v}'
    ],
    json: [
      '{"level":30,"time":{epoch}123,"pid":{n},"hostname":"{svc}","msg":"{v}"}',
      '{"ts":"{ts}","logger":"{word}","message":"seen {v} in batch {n}","thread":"pool-{n}"}',
      '[{"op":"replace","path":"/x","value":"{v}"}]',
      '{"id":"{uuid}","args":["{v}",{n},null]}',
      '{\\"a\\":{n},\\"b\\":\\"{v}\\"}',
      '{"data":{"x":["{v}"]},"errors":[]}',
      '42["event",{"x":"{v}"}]'
    ],
    double: [
      'level=info ts={ts} caller=main.go:{n} msg="seen {v}"',
      'time={ts} level=ERROR msg="{v}" err=<nil>',
      'x: "{v}"',
      'value = "{v}"',
      'Just "{v}"',
      'fromList [("x","{v}"),("n","{n}")]',
      'Left (BadInput "{v}")',
      'curl -d "{v}" http://{svc}/in',
      '<- "GET /{word}" {n} "{v}"'
    ],
    single: ["KeyError: '{v}'", "['{v}', {n}]", "Error(msg='{v}', code={n})", "echo '{v}' | {word}", "{ x: '{v}' }"],
    sql: [
      "SELECT id FROM {table} WHERE x = '{v}' LIMIT {n}",
      "INSERT INTO {table} VALUES ({n}, '{v}', now())",
      "SELECT * FROM {table} WHERE x IN ('{v}', 'none')",
      "EXEC find_it @p1 = N'{v}'",
      "DETAIL: parameters: $1 = '{v}', $2 = '{n}'",
      "CALL load_it('{v}')"
    ],
    xml: ['<item n="{n}">{v}</item>', '<a><b>{v}</b><c>{n}</c></a>', '<x y="{v}"/>'],
    csv: ['{n},"{v}",open', '"{v}";"{n}";"ok"'],
    url: ['GET /{word}/{v} HTTP/1.1', 'https://{svc}/x?q={v}&page={n}', '/api/v2/{word}/{v}/history?limit={n}'],
    tight: [
      'SET x:{v} 1 EX {n}',
      'HGET {word}:{v} f',
      'kafka key={v} partition={n} offset={N}',
      '/data/{word}/{v}.json',
      'a={n} b={v} c={hex8}',
      '{word};x={v};n={n}',
      '| {n} | {v} | ok |',
      'OK {v} {n}ms',
      '--x {v} --n {n}',
      '#{v}'
    ]
  },
  labelled: {
    prose: [
      '{l} {v}',
      '{L}: {v}',
      'the {l} is {v}',
      'The {l} given was {v}, which we could not verify',
      'caller confirmed {l} {v} at {ts}',
      'Hi, my {l} is {v}. Can you help?',
      'please update my {l} to {v}',
      'he gave {v} as his {l}',
      'no match on {l}={v}',
      '{L} - {v}',
      'invalid {l} "{v}"',
      "{k} '{v}' already exists",
      'Key ({k})=({v}) already exists.',
      'agent: could you spell it? customer: {l} {v}',
      '{ts} INFO {cls} - updated {k} -> {v}',
      '{L}\t{v}',
      '**{L}:** {v}',
      'wrong {l} ({v})',
      'field "{k}" has value {v}',
      '{k} changed from nothing to {v}',
      '- {k}: {v}',
      'validation failed for {k}: {v}',
      '{n}) {l}: {v}'
    ],
    json: [
      '{"{k}":"{v}"}',
      '{"id":{n},"{c}":"{v}","ok":true}',
      '{"level":50,"time":{epoch}123,"req":{"body":{"{c}":"{v}"}},"msg":"refused"}',
      '{\\"{k}\\":\\"{v}\\"}',
      '{"name":"{k}","value":"{v}"}',
      '{"field":"{k}","rejected":"{v}"}',
      '{"variables":{"input":{"{c}":"{v}"}},"operationName":"Save"}',
      '{"{k}":["{v}"]}',
      '{ "{P}" : "{v}" , "x" : {n} }',
      '{"op":"replace","path":"/{c}","value":"{v}"}',
      'event {"type":"saved","new":{"{k}":"{v}"},"old":{"{k}":null}}'
    ],
    double: [
      'level=warn msg="bad input" {k}="{v}" attempt={n}',
      '{K}="{v}"',
      'export {K}="{v}"',
      '{k} = "{v}"',
      '{P} { id = {n}, {c} = "{v}" }',
      'Person {{c} = "{v}", age = {n}}',
      '{k}: "{v}"',
      'mutation { save({c}: "{v}") { id } }',
      '&{ID:{n} {P}:"{v}"}',
      '#<User id: {n}, {k}: "{v}">',
      '("{k}","{v}")',
      '{:id {n}, :{b} "{v}"}',
      'curl -X POST -H "X-{h}: {v}" http://{svc}/x',
      'input[name={k}] = "{v}"'
    ],
    single: [
      "{'id': {n}, '{k}': '{v}'}",
      "User(id={n}, {k}='{v}')",
      "{k} => '{v}'",
      "User{id={n}, {c}='{v}'}",
      "{ {c}: '{v}', n: {n} }",
      "--{b} '{v}'",
      "where({k}: '{v}')"
    ],
    sql: [
      "INSERT INTO {table} (id, {k}, created) VALUES ({n}, '{v}', '{day}')",
      "UPDATE {table} SET {k} = '{v}' WHERE id = {n}",
      "SELECT id FROM {table} WHERE {k} = '{v}'",
      "SELECT id FROM {table} WHERE lower({k}) LIKE '%{v}%'",
      "SELECT * FROM {table} t WHERE t.{k} IN ('{v}')",
      "MERGE INTO {table} USING (SELECT '{v}' AS {k}) s ON 1=1",
      "Duplicate entry '{v}' for key '{table}.{k}'",
      'INSERT INTO "{table}" ("id", "{k}") VALUES ({n}, \'{v}\')'
    ],
    xml: [
      '<{k}>{v}</{k}>',
      '<ns:{P}>{v}</ns:{P}>',
      '<user {c}="{v}" id="{n}"/>',
      '<field name="{k}">{v}</field>',
      '<soap:Body><Save><{P} xsi:type="xsd:string">{v}</{P}></Save></soap:Body>'
    ],
    csv: ['id,{k},state\n{n},"{v}",open', 'id;{k}\n{n};"{v}"', '"id","{k}"\n"{n}","{v}"'],
    url: [
      'POST /save?{k}={v}&n={n} HTTP/1.1',
      'n={n}&{c}={v}',
      'https://{svc}/cb?state={hex8}&{k}={v}#top',
      '/users;{k}={v}/orders'
    ],
    tight: [
      '{k}={v}',
      '{k}={v} state=open n={n}',
      '{K}={v}',
      '{k}:{v}',
      'X-{h}: {v}',
      '--{b}={v}',
      '--{b} {v} --dry-run',
      '-D{k}={v}',
      'User(id={n}, {c}={v})',
      'User[id={n},{c}={v}]',
      '{id={n}, {c}={v}}',
      'HSET u:{n} {k} {v}',
      '| id | {k} |\n|---|---|\n| {n} | {v} |',
      '{k} {v};',
      'user.{k}={v}',
      '{c}: {v}\nid: {n}',
      '~ {k} = {v} -> (known after apply)',
      'map[id:{n} {k}:{v}]',
      'CN={n},{k}={v}'
    ]
  },
  own: {
    email: {
      tight: [
        'RCPT TO:<{v}>',
        'MAIL FROM:<{v}> SIZE={N}',
        'From: {v}',
        'mailto:{v}',
        '550 5.1.1 <{v}>: Recipient address rejected',
        'a1 LOGIN {v} xxxx',
        'commit {hex8}\nAuthor: Dev <{v}>',
        'git log --author={v}',
        '/CN=x/emailAddress={v}',
        'acct:{v}',
        'xmpp:{v}/phone'
      ]
    },
    phone: {
      tight: [
        'tel:{v}',
        'INVITE sip:{v}@sip.acme-data.net SIP/2.0',
        'sms to {v} queued',
        'P-Asserted-Identity: <tel:{v}>'
      ]
    },
    ipv4: {
      tight: [
        '{v} - - [{clf}] "GET /{word} HTTP/1.1" 200 {n} "-" "curl/8.4.0"',
        'X-Forwarded-For: {v}, {lan}',
        'Forwarded: for={v};proto=https',
        'SRC={v} DST={lan} LEN=40 PROTO=TCP',
        'Failed password for root from {v} port {N} ssh2',
        'client: {v}, server: _, request: "GET / HTTP/1.1"',
        'connect ECONNREFUSED {v}'
      ]
    },
    ipv6: { tight: ['{v} - - [{clf}] "GET /{word} HTTP/1.1" 200 {n}', 'X-Real-IP: {v}', 'peer {v} closed'] },
    mac: {
      tight: [
        'DHCPACK on {lan} to {v} via eth0',
        'link/ether {v} brd ff:ff:ff:ff:ff:ff',
        '? ({lan}) at {v} [ether] on eth0'
      ]
    },
    iban: { tight: [':59:/{v}', '<IBAN>{v}</IBAN>', "RFF+ADE:{v}'"] },
    credit_card: { tight: [';{v}=2512101?', 'auth {v} exp 12/27', '2={v}|4=000000001000'] },
    person_name: { prose: ['Dear {v},\nyour order shipped', 'Hello {v},', 'To: {v} <x@localhost>'] },
    birth: { prose: ['born {v}', 'DOB {v}', 'b. date of birth: {v}'] },
    password: {
      tight: [
        'sshpass -p {v} ssh root@{lan}',
        'mysql -uapp -p{v} ledger',
        "IDENTIFIED BY '{v}'",
        '{"user":"svc","pass":"{v}"}',
        'machine git.acme-data.net login bot password {v}',
        'requirepass {v}',
        'AUTH {v}'
      ]
    },
    api_key: {
      tight: ['X-Api-Key: {v}', '?api_key={v}', 'api-key={v}', 'Authorization: ApiKey {v}', 'Authorization: Token {v}']
    },
    jwt: { tight: ['id_token={v}&state={hex8}', 'Authorization: Bearer {v}', 'Cookie: t={v}'] },
    aws_secret: {
      tight: ['aws_access_key_id = AKIAIOSFODNN7EXAMPL2\naws_secret_access_key = {v}', 'AWS_SECRET_ACCESS_KEY={v}']
    },
    session: { tight: ['Cookie: JSESSIONID={v}', ';jsessionid={v}'] }
  }
}
