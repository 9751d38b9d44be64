// Passwords: the value of a key or label that says so, whatever it looks like.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { eachLabelled, isSecret } from '../scan/secrets.js'
import { Trigger } from '../scan/triggers.js'

const USER_FLAG = /(?<![\w-])(?:-u|--user|--proxy-user|--basic-auth)[ =]["']?[^\s:"']{1,64}:([^\s"']{3,128})/g
const PASS_FLAG =
  /(?<![\w-])(?:sshpass -p|redis-cli (?:-h \S{1,64} )?(?:-p \d{1,5} )?-a|mysql\w{0,6} (?:-\w\s?\S{1,64} ){0,4}-p|mongo\w{0,6} (?:-\w \S{1,64} ){0,4}-p|docker login (?:-u \S{1,64} )?-p|net use \S{1,64} \/user:\S{1,64})\s{0,2}["']?([^\s"'-][^\s"']{3,128})/g

export const password = defineDetector({
  name: 'password',
  family: 'secret',
  about: 'value of a password, passphrase or secret key, label, flag, header or parameter',
  checks:
    '6 characters or more; not a boolean, number word, placeholder ($1, ?, :name, %s), duration, or prose about passwords',
  rank: Rank.checked,
  when: Trigger.textLabel | Trigger.scheme,
  byKey: true,
  keyStop: /\b(?:name|type|path|ref|reference|provider|method|scope|field|arn)$/,
  labels: [
    'password',
    'passwords',
    'passwd',
    'pwd',
    'passphrase',
    'pass phrase',
    'passcode',
    'pass code',
    'pw',
    'psw',
    'passwort',
    'kennwort',
    'contraseña',
    'contrasena',
    'mot de passe',
    'senha',
    'wachtwoord',
    'secret',
    'user pass',
    'db pass',
    'database pass',
    'smtp pass',
    'admin pass',
    'root pass',
    'login pass',
    'mysql pass',
    'redis pass',
    'ftp pass',
    'user password',
    'new password',
    'old password',
    'identified by',
    'pgpassword',
    'sshpass',
    'dbpassword',
    'userpassword',
    'psk',
    'wifi key',
    'shared secret',
    'app secret',
    'api secret',
    'client secret',
    'consumer secret',
    'webhook secret',
    'signing secret',
    'secret value'
  ],
  labelTrigger: Trigger.textLabel,
  prefixes: ['curl', '--user', 'sshpass', 'redis-cli', 'mysql', 'docker login'].map(word => ({
    word,
    bits: Trigger.textLabel
  })),
  hits: [
    'password=‹hunter22›',
    '"password": "‹correct horse›"',
    '--password ‹s3cr3tpw›',
    '<password>‹s3cr3tpw›</password>',
    { key: 'db.password', text: '‹Tr0ub4dor&3›' },
    'field=password value=‹hunter22›',
    "User(name=x, passwd='‹hunter22›')",
    'PGPASSWORD=‹hunter22› psql',
    'curl -u ada:‹hunter22› http://x',
    "INSERT INTO u (id, password) VALUES (1, '‹hunter22›')"
  ],
  misses: [
    'password reset requested',
    'password: required',
    'password=true',
    'password=$1',
    'password = ?',
    'WHERE password = :password',
    { key: 'password.expiry', text: '30 days' },
    'password=%s',
    'the password is incorrect',
    'password: null',
    { key: 'password_changed_at', text: '2024-01-31T00:00:00Z' },
    'secret manager unavailable',
    'Invalid password for user',
    'pwd: /home/app'
  ],
  find(scan: Scan): void {
    eachLabelled(scan, (value, label) => {
      // `secret "db-creds" not found` names one.
      if (/^secrets?$/i.test(label) && (value.joint === '"' || value.joint === '(' || value.joint === 'is')) return
      if (isSecret(scan.text, value)) scan.hit(value.start, value.end)
    })
    each(scan.text, USER_FLAG, match =>
      scan.hit(match.index + match[0].length - match[1]!.length, match.index + match[0].length)
    )
    each(scan.text, PASS_FLAG, match =>
      scan.hit(match.index + match[0].length - match[1]!.length, match.index + match[0].length)
    )
  }
})
