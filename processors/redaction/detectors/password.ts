// Passwords: the value of a key or label that says so, whatever it looks like.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { eachLabelled, isResource, isSecret, isStriking } from '../scan/secrets.js'
import { Trigger } from '../scan/triggers.js'

const USER_FLAG = /(?<![\w-])(?:-u|--user|--proxy-user|--basic-auth)[ =]["']?[^\s:"']{1,64}:(?!\/\/)([^\s"']{3,128})/g
const PASS_FLAG =
  /(?<![\w-])(?:sshpass -p|redis-cli (?:-h \S{1,64} )?(?:-p \d{1,5} )?-a|mysql\w{0,6} (?:-\w\s?\S{1,64} ){0,4}-p|mongo\w{0,6} (?:-\w \S{1,64} ){0,4}-p|machine \S{1,80} login \S{1,64} password|docker login (?:-u \S{1,64} )?-p|net use \S{1,64} \/user:\S{1,64})\s{0,2}["']?([^\s"'-][^\s"']{3,128})/g

/** Letters, and digits or signs: `hunter2`, not `12/14` or `ok`. */
const isMixed = (value: string): boolean =>
  /^\S{6,}$/.test(value) && /\p{L}/u.test(value) && /[\d!@#$%^&*?]/.test(value)

/** Redis: the whole command. */
const AUTH = /^"?AUTH"?(?: "?[^\s"]{1,64}"?)? "?([^\s"]{6,128})"?$/

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
    'pass',
    'passwd',
    'requirepass',
    'masterauth',
    'storepass',
    'keypass',
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
    'secret value',
    'preshared key',
    'pre shared key',
    'mail pass',
    'proxy pass',
    'email pass',
    'become pass',
    'mdp',
    'clave',
    'hasło',
    'haslo',
    'lösenord',
    'losenord',
    'parola',
    'heslo',
    'passord',
    'adgangskode',
    'salasana',
    'jelszó',
    'jelszo',
    'şifre',
    'sifre',
    'пароль',
    '密码',
    'パスワード',
    '비밀번호',
    'security answer',
    'memorable word',
    'temp password'
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
    'pass: ‹Welcome123›',
    'the password on file is ‹kestrel99x›',
    's:8:"password";s:11:"‹Autumn2024!›";',
    'User { id: 3, password: Some("‹hunter22›") }',
    '-Dkeystore.password=‹hunter22›',
    '["password"]=>\n  string(8) "‹hunter22›"',
    'PGPASSWORD=‹hunter22› psql',
    'curl -u ada:‹hunter22› http://x',
    "INSERT INTO u (id, password) VALUES (1, '‹hunter22›')"
  ],
  misses: [
    'password reset requested',
    'tests pass: 12, fail: 0',
    "Unknown column 'password' in 'field list'",
    'no such secret: flow/db-password-2',
    'pass=true',
    'password changed by admin-user-2',
    'secret "my-app-tls-v2" not found',
    'password hash algorithm is argon2id',
    'password rotation is scheduled in 30d',
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
      const words = (label || scan.keyLabel).toLowerCase()
      // Tests pass and passes are counted; `secret "db-creds" not found` names one.
      const isField =
        value.quoted && /^[:=]$|^key$/.test(value.joint) && isMixed(scan.text.slice(value.start, value.end))
      const isVague =
        (/^pass(?:es|ed)?$/.test(words) && !isField) || (/^secrets?$/.test(words) && /^(?:["(]|is)$/.test(value.joint))
      if (/^secrets?$/.test(words) && isResource(scan.text.slice(value.start, value.end), 2)) return
      if (isVague && !isStriking(scan.text.slice(value.start, value.end))) return
      // `first pass 615c19d9...`: a commit.
      if (isVague && value.joint === ' ' && /^[0-9a-f]{40}$/.test(scan.text.slice(value.start, value.end))) return
      if (isSecret(scan.text, value)) scan.hit(value.start, value.end)
    })
    const hasFlag = scan.text.includes('-')
    if (hasFlag)
      each(scan.text, USER_FLAG, match =>
        scan.hit(match.index + match[0].length - match[1]!.length, match.index + match[0].length)
      )
    const auth = AUTH.exec(scan.text)
    if (auth !== null && /[\d!@#$%^&*]/.test(auth[1]!)) {
      const start = scan.text.lastIndexOf(auth[1]!)
      scan.hit(start, start + auth[1]!.length)
    }
    if (hasFlag || scan.text.includes('machine ') || scan.text.includes('net use '))
      each(scan.text, PASS_FLAG, match =>
        scan.hit(match.index + match[0].length - match[1]!.length, match.index + match[0].length)
      )
  }
})
