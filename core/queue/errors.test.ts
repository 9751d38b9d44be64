// Every code is in the README, and file system errors become the queue's own.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { codeOf } from '../component/errors.js'
import { fromIo, queueErrors } from './errors.js'

t.test('the README lists every code', async t => {
  const readme = readFileSync('core/queue/README.md', 'utf8')
  for (const code of queueErrors.codes) t.ok(readme.includes(`\`${code}\``), code)
})

t.test('errors of the file system become coded ones that keep their cause', async t => {
  const io = (code: string): Error => Object.assign(new Error('io'), { code })
  const codes = ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'EIO'].map(code => codeOf(fromIo(io(code), '/queue')))
  t.same(codes, ['QUEUE_DISK_FULL', 'QUEUE_DISK_FULL', 'QUEUE_NOT_WRITABLE', 'QUEUE_NOT_WRITABLE', 'QUEUE_IO'])
  const cause = io('EIO')
  t.equal(fromIo(cause, '/queue').cause, cause)
  const coded = queueErrors.QUEUE_CLOSED()
  t.equal(fromIo(coded, '/queue'), coded)
})
