// Credentials in URLs (`scheme://user:password@host`), Oracle thin addresses, connection strings.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { isLiteral } from '../scan/secrets.js'
import { Trigger } from '../scan/triggers.js'

const USERINFO = /:\/\/([^\s/?#@:"'<>]{0,256}):([^\s/?#"'<>]{1,512})@(?=[A-Za-z0-9[_.%-])/g
const ORACLE =
  /(?<![A-Za-z0-9])(?:jdbc:oracle:(?:thin|oci8?):|sqlplus\s{1,4}(?:-\S{1,4}\s{1,4})?|connect\s{1,4})([A-Za-z0-9_$#.-]{1,64})\/([^\s/@"']{1,128})@/gi
const PAIR =
  /(?<![A-Za-z0-9])(?:password|passwd|pwd|account\s?key|shared\s?access\s?key|shared\s?secret|shared\s?access\s?signature|accesskey|secretkey|sas\s?token)\s{0,2}=\s{0,2}(?:"([^"]{1,1024})"|'([^']{1,1024})'|\{([^}]{1,1024})\}|([^\s;,&"'<>]{1,2048}))/gi

export const urlPassword = defineDetector({
  name: 'url_password',
  family: 'secret',
  about:
    'passwords in URLs and connection strings (`user:password@`, `Password=`, `Pwd=`, `AccountKey=`, `SharedAccessKey=`, Oracle `user/password@`)',
  checks: 'host and user stay; placeholders stay',
  rank: Rank.key,
  when: Trigger.at | Trigger.scheme,
  prefixes: [
    'password',
    'passwd',
    '|pwd|',
    'account key',
    'accountkey',
    'access key',
    'accesskey',
    'shared secret',
    'sharedsecret',
    'access signature',
    'accesssignature',
    'secretkey',
    'sas token',
    'sastoken'
  ].map(word => ({ word, bits: Trigger.scheme })),
  hits: [
    'postgres://app:‹s3cr3t›@db.internal:5432/x',
    'amqp://:‹p%40ss›@mq/',
    'Server=db;User Id=sa;Password=‹S3cr3t!›;',
    'AccountName=x;AccountKey=‹abc123==›;EndpointSuffix=y',
    'jdbc:oracle:thin:scott/‹tiger›@db:1521:x',
    'redis://default:‹p@ss:word›@cache:6379'
  ],
  misses: [
    'http://host:8080/@scope',
    'https://user@host/path',
    'Password=${DB_PASSWORD};',
    'http://host/a:b@c',
    'postgres://app:****@db/x',
    'password=?'
  ],
  find(scan: Scan): void {
    if (scan.mask & Trigger.at) {
      if (scan.text.includes('://')) {
        each(scan.text, USERINFO, match => hitAt(scan, match, match[2]!, match[0].length - 1 - match[2]!.length))
      }
      if (/oracle:|sqlplus|connect/i.test(scan.text)) {
        each(scan.text, ORACLE, match => hitAt(scan, match, match[2]!, match[0].length - 1 - match[2]!.length))
      }
    }
    if ((scan.mask & Trigger.scheme) === 0 || !scan.text.includes(';')) return
    each(scan.text, PAIR, match => {
      const value = match[1] ?? match[2] ?? match[3] ?? match[4]!
      hitAt(scan, match, value, match[0].lastIndexOf(value))
    })
  }
})

function hitAt(scan: Scan, match: RegExpExecArray, value: string, offset: number): void {
  if (!isLiteral(value) || value.length < 2) return
  scan.hit(match.index + offset, match.index + offset + value.length)
}
