// Addresses of one server, Sentinel and Cluster; errors that never show a credential.
import t from 'tap'
import { codeOf } from '../../component/errors.js'
import { fromRedis, parseAddress } from './connect.js'

t.test('addresses name servers, credentials, TLS and the kind of Redis', async t => {
  t.match(parseAddress('redis://host'), { kind: 'single', hosts: [{ host: 'host', port: 6379 }], db: 0, isTls: false })
  t.match(parseAddress('rediss://me:p%40ss@h:7000/3'), { username: 'me', password: 'p@ss', db: 3, isTls: true })
  t.match(parseAddress('redis://:only@[::1]:6380'), { password: 'only', hosts: [{ host: '::1', port: 6380 }] })
  t.match(parseAddress('redis+sentinel://u:p@a,b:26380/main/2?sentinel_auth=1'), {
    kind: 'sentinel',
    hosts: [{ host: 'a', port: 26379 }, { host: 'b', port: 26380 }], // biome-ignore format: short
    name: 'main',
    db: 2,
    hasSentinelAuth: true
  })
  t.match(parseAddress('rediss+cluster://a:7000,b:7001'), { kind: 'cluster', isTls: true, hosts: [{ port: 7000 }, {}] })
  t.equal(parseAddress('redis://me:secret@h:1/2').text, 'h:1/2')
  for (const url of ['', 'http://h', 'redis://', 'redis+sentinel://h', 'redis://h/x', 'redis://h:port']) {
    t.throws(() => parseAddress(url), { code: 'QUEUE_REDIS_SETUP' }, url)
  }
})

t.test('errors become the queue its own, with the word of Redis and no value', async t => {
  const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' })
  t.equal(
    codeOf(fromRedis(reply("OOM command not allowed when used memory > 'maxmemory'."), 'h')),
    'QUEUE_REDIS_MEMORY'
  )
  for (const word of ['READONLY', 'BUSY', 'LOADING', 'CLUSTERDOWN', 'MASTERDOWN', 'WRONGPASS', 'NOAUTH']) {
    const error = fromRedis(reply(`${word} something with a value`), 'h')
    t.match(error, { code: 'QUEUE_UNAVAILABLE', message: new RegExp(`\\(${word}\\)`) })
    t.notMatch(error.message, /a value/)
  }
  t.match(fromRedis(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'h').message, /ECONNREFUSED/)
})
