// Templates of the `heldout` corpus: only its totals are looked at while detectors are worked on.

import type { Templates } from './templates.js'

export const HELDOUT: Templates = {
  neutralKeys: ['context', 'event.original', 'text', 'db.query.text', 'stderr', 'reason', 'argv', 'sample'],
  keyStyles: [
    '{c}',
    '{k}',
    'enduser.{k}',
    'payload.{c}',
    'messaging.header.{b}',
    'input.0.{k}',
    'X-{h}',
    'record.{P}',
    '{f}',
    'db.query.parameter.{k}',
    'old.{c}',
    'body.profile.{k}'
  ],
  short: ['{k} {v}', '{c}={v}', '{L}: {v}', '{l} {v}'],
  neutral: {
    prose: [
      'retrying {v} in {n}s',
      'Request about {v} took {n}ms',
      '{ts} [{svc}] DEBUG {word} >> {v}',
      'I0314 10:22:07.123456 {n} server.go:{n}] dropped {v}',
      "thread 'main' panicked at src/main.rs:{n}:{n}:\ninvalid input: {v}",
      'System.FormatException: Input string {v} was not in a correct format.\n   at Acme.Flow.Step.Run() in /src/Step.cs:line {n}',
      'could you check {v} for me?',
      'as discussed: {v} - thanks',
      'it says {v} on the form',
      'forwarded to {v} yesterday',
      'stuck: {v}',
      '({v})',
      '[{v}]',
      'not in cache: {v}; loading',
      '{n} x {v}',
      'Warning! {v} looks odd',
      'assertion failed: {v} == {n}',
      'moved {v} to trash',
      '> {v}\n\nok',
      '{word} / {v} / {n}'
    ],
    json: [
      '{"@timestamp":"{ts}","log.level":"error","message":"failed on {v}"}',
      '{"severity":"INFO","textPayload":"saw {v}","insertId":"{hex16}"}',
      '{"records":[{"offset":{N},"value":{"x":"{v}"}}]}',
      '["{v}"]',
      '{"jsonrpc":"2.0","method":"find","params":["{v}"],"id":{n}}',
      '"{\\"x\\":\\"{v}\\"}"'
    ],
    double: [
      '{word}: Response "{v}"',
      'Just (Step {stepId = {n}, stepArg = "{v}"})',
      'arg[0]="{v}" arg[1]="{n}"',
      'printf "{v}" >> out.txt',
      'x = "{v}" # set by {svc}',
      'ts={ts} lvl=eror err="cannot parse {v}"',
      'value: "{v}" count: {n}'
    ],
    single: [
      "no such thing: '{v}'",
      "Cannot cast '{v}' to int",
      "args=('{v}',) kwargs={}",
      "[ '{v}' ]",
      "pattern '{v}' matched {n}"
    ],
    sql: [
      "DELETE FROM {table} WHERE y = '{v}'",
      "SELECT count(*) FROM {table} WHERE x = '{v}' AND n > {n}",
      "INSERT INTO `{table}` VALUES (NULL,'{v}',{n})",
      "WHERE (x = '{v}') -- {word}",
      "bind => [{n}, '{v}']"
    ],
    xml: ['<row><c1>{n}</c1><c2>{v}</c2></row>', '<p>{v}</p>', '<![CDATA[{v}]]>'],
    csv: ['"{n}","{v}","x"', '{day},{n},"{v}"'],
    url: ['"PUT /{word}/items/{v} HTTP/2" 204', 'http://{lan}:8080/find?term={v}', '/v1/{word}:{v}'],
    tight: [
      'DEL {word}:{v}',
      'ZADD {word} {n} {v}',
      'id={hex8} x={v} took={n}ms',
      's3://acme-{word}/{v}/part-{n}.parquet',
      '{v}|{n}|{word}',
      'ACK {v}',
      'topic={word} k={v} n={n}',
      'x:{v}',
      '({n},{v})',
      'tag:{v},n:{n}'
    ]
  },
  labelled: {
    prose: [
      'their {l}: {v}',
      '{v} is the {l} on file',
      '{v} ({l})',
      'We have {v} as your {l}',
      'Customer says the {l} should be {v} now',
      'ticket {N}: {l} is {v}',
      'cannot verify {l} {v}',
      '{L} = {v}',
      '{L}. {v}',
      'duplicate {l}: {v}',
      'ERROR {cls}: {k} must be unique, was {v}',
      'the {l} of the applicant ({v}) does not match',
      'Failing row contains {k}={v}',
      'new {l} -> {v}',
      'changed the {l} from none to {v}',
      'property {c}: rejected value [{v}]',
      'conflict on unique index ({k}) with value {v}',
      '| {L} | {v} |',
      '{L}:\n  {v}',
      'could not send to {l} {v}',
      'parameter {k} ({v}) ignored'
    ],
    json: [
      '{"user":{"{c}":"{v}","n":{n}}}',
      '{"message":"save failed","context":{"{k}":"{v}"},"level":400}',
      '[{"{k}":"{v}"},{"{k}":null}]',
      '{"claims":{"iss":"https://id.acme-data.net","{k}":"{v}","exp":{epoch}}}',
      '{"key":"{c}","val":"{v}"}',
      '{"errors":[{"param":"{k}","msg":"taken","value":"{v}"}]}',
      'payload={"id":"{uuid}","{K}":"{v}"}',
      '{\\"user\\":{\\"{c}\\":\\"{v}\\"}}',
      '{"attributes":[{"key":"{k}","value":{"stringValue":"{v}"}}]}',
      '{"query":"query($v:String!){find({c}:$v){id}}","variables":{"{c}":"{v}"}}'
    ],
    double: [
      'ts={ts} lvl=info msg=saved {c}="{v}"',
      '{k} "{v}"',
      'set -x {K} "{v}"',
      'Applicant {applicantId = {n}, applicant{P} = "{v}"}',
      '{c}: "{v}" id: {n}',
      'user { {k}: "{v}" n: {n} }',
      'Object { {c}: "{v}" }',
      '%{id: {n}, {k}: "{v}"}',
      '{P}("{v}")',
      'struct { {P} string }{{P}: "{v}"}',
      'Just (User {{c} = Just "{v}"})',
      'variable "{k}" { default = "{v}" }',
      'set {k} "{v}"'
    ],
    single: [
      "array('{k}' => '{v}')",
      "<User {k}='{v}'>",
      "OrderedDict([('{k}', '{v}')])",
      "{k}: '{v}'",
      "Namespace({k}='{v}', n={n})",
      "[{k}: '{v}']"
    ],
    sql: [
      "INSERT INTO {table}({k},n) VALUES('{v}',{n}) RETURNING id",
      "UPDATE `{table}` SET `n`={n}, `{k}`='{v}' WHERE `id`={n}",
      "SELECT 1 FROM [{table}] WHERE [{k}] = N'{v}'",
      "SELECT * FROM {table} WHERE {k} <> '{v}' AND n = {n}",
      "INSERT INTO {table} SET {k}='{v}', n={n}",
      "INSERT INTO {table} (n, {k}) SELECT {n}, '{v}'",
      "binding parameter ({k}) = '{v}'",
      "SELECT x FROM {table} WHERE {k} BETWEEN '{v}' AND '{v}'"
    ],
    xml: [
      '<{c}>{v}</{c}>',
      '<input name="{k}" value="{v}"/>',
      '<{P} type="text" n="{n}">{v}</{P}>',
      '<entry><key>{k}</key><value>{v}</value></entry>',
      '<add key="{P}" value="{v}" />'
    ],
    csv: ['{k},n\n"{v}",{n}', 'n\t{k}\n{n}\t{v}', 'n,"{L}",ok\n{n},"{v}",1'],
    url: [
      '{c}={v}&ok=1',
      '"GET /find?{k}={v} HTTP/1.1" 200 {n}',
      'https://app.acme-data.net/#/signup?{k}={v}',
      '/person({k}={v})'
    ],
    tight: [
      '{c}={v}',
      '{c}:{v},n:{n}',
      'n={n};{k}={v};ok=1',
      '{f}={v}',
      '{h}: {v}',
      '/{k}:{v}',
      '-{k} {v}',
      'Profile{n={n}, {k}={v}}',
      'Profile(n={n},{k}={v})',
      '{k} = {v}',
      '{k}: {v}',
      '"{k}"={v}',
      '{k}->{v}',
      '{k} := {v}',
      '[{k}] {v}',
      '[{k}={v}]',
      '<{v}> {k}',
      'env {K}={v} ./run.sh',
      '--set user.{c}={v}',
      'HMSET p:{n} n {n} {k} {v}'
    ]
  },
  own: {
    email: {
      tight: [
        'To: {v}',
        'Return-Path: <{v}>',
        '250 2.1.5 <{v}>... Recipient ok',
        'Reply-To: "Support" <{v}>',
        'ORGANIZER:mailto:{v}',
        'user={v} action=login',
        'From: <sip:{v}>;tag={hex8}',
        'status=bounced to=<{v}>, relay=none',
        '1,{v},active'
      ]
    },
    phone: {
      tight: ['To: <sip:{v};user=phone>', 'wa.me/{v}', 'TEL;TYPE=CELL:{v}', 'MSISDN={v}', 'call from {v} lasted {n}s']
    },
    ipv4: {
      tight: [
        'Accepted publickey for deploy from {v} port {N}',
        'remote={v}:{N} local={lan}:443',
        '"clientIp":"{v}"',
        'True-Client-IP: {v}',
        '{ts} {v} GET /{word} 200',
        'rejected connection from "{v}" (error EOF)',
        'Remote host: {v}'
      ]
    },
    ipv6: { tight: ['CF-Connecting-IP: {v}', 'addr={v} n={n}', 'from {v} via eth0'] },
    mac: { tight: ['wlan0: associated with {v}', 'HWaddr {v}', 'station {v} left'] },
    iban: { tight: ['pay to {v} EUR {n}.00', 'DbtrAcct/{v}'] },
    credit_card: { tight: ['charge {v} declined (51)', 'pan={v};exp=2712'] },
    person_name: {
      prose: ['Dear {v}, thank you for your call', 'Hi {v},', 'signed by customer {v}', 'cardholder: {v} exp 12/27']
    },
    birth: { prose: ['date of birth {v}', 'born on {v}', 'd.o.b. {v}'] },
    password: {
      tight: [
        'psql "user=app password={v} host=db"',
        "ALTER USER app WITH PASSWORD '{v}'",
        'net use x: /user:app {v} password={v}',
        'login failed: user=root pass={v}',
        'DB_PASSWORD={v}',
        '-Dspring.datasource.password={v}',
        "CREATE ROLE r LOGIN PASSWORD '{v}'"
      ]
    },
    api_key: { tight: ['apikey: {v}', 'client_id=app&client_secret={v}', 'x-api-key={v}', 'Api-Key {v}'] },
    jwt: { tight: ['access_token={v}', 'jwt: {v}', 'token {v} expired'] },
    aws_secret: { tight: ['"SecretAccessKey": "{v}"', 'export AWS_SECRET_ACCESS_KEY={v}'] },
    session: { tight: ['Set-Cookie: sid={v}; Path=/', 'auth_token={v}'] }
  }
}
