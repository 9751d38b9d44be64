// Errors of the queue: each says what happened, where, and what to do.
import { CodedError, catalogue } from '../component/errors.js'

export const queueErrors = catalogue({
  QUEUE_FULL: (held: number, adding: number, max: number) =>
    `the queue holds ${held} bytes, ${adding} more would pass max_bytes ${max}: a back end is slow or down; ` +
    'senders are asked to retry. Raise queue.max_bytes or repair the slow exporter',
  QUEUE_DISK_FULL: (dir: string) =>
    `no space left on the disk of ${dir}: nothing of this commit was kept. Free space or enlarge the disk or quota; ` +
    'the queue goes on by itself, no restart needed',
  QUEUE_IN_USE: (dir: string, owner: string) =>
    `the queue directory ${dir} is in use by ${owner}: give each gateway process its own queue.path, or stop the other one`,
  QUEUE_MEMBER_IN_USE: (member: string, where: string) =>
    `a gateway named ${member} is running on ${where}: give each process its own queue.member, or leave it out`,
  QUEUE_UNAVAILABLE: (where: string, why: string) =>
    `Redis at ${where} cannot be used now (${why}): nothing of this commit was acknowledged. ` +
    'The gateway tries again by itself; check that server and the way to it',
  QUEUE_NOT_REACHED: (where: string, why: string, seconds: number) =>
    `Redis at ${where} was not reached within ${seconds} s (${why}): start it, or check queue.url (address, user, password)`,
  QUEUE_IN_DOUBT: (where: string) =>
    `Redis at ${where} gave no answer in time: it may have this commit or not. The sender is asked to retry, so that it is ` +
    'there once or twice, never lost',
  QUEUE_STALE: () => 'the state that this commit relies on has changed: nothing of it was kept',
  QUEUE_REDIS_MEMORY: (where: string) =>
    `Redis at ${where} is at its maxmemory: nothing of this commit was kept. Raise maxmemory, or lower queue.max_size below it`,
  QUEUE_REDIS_EMPTIED: (where: string) =>
    `Redis at ${where} lost the queue that this gateway began with: it came back empty, or was emptied. Nothing is taken until ` +
    'every gateway of this queue is restarted (they begin anew), or Redis has its data again',
  QUEUE_REDIS_SETUP: (where: string, why: string) => `Redis at ${where} is not set up for a queue: ${why}`,
  QUEUE_NOT_REPLICATED: (got: number, wanted: number) =>
    `only ${got} of ${wanted} Redis replicas confirmed the write in time (queue.wait_replicas): the sender is asked to retry`,
  QUEUE_MOVED: () =>
    'another gateway took over a part of the queue: what this commit acknowledged is delivered and counted there',
  QUEUE_FETCHING: () => 'the payload is on its way from Redis: ask again when the queue tells of news',
  QUEUE_NOT_WRITABLE: (dir: string, why: string) =>
    `cannot write the queue directory ${dir} (${why}): create it, give this user read and write rights, or set queue.path`,
  QUEUE_DAMAGED: (what: string, movedTo: string) =>
    `damaged queue data in ${what}: set aside in ${movedTo}; the rest goes on. Check the disk; keep the file for repair`,
  QUEUE_IO: (dir: string, why: string) =>
    `the disk of ${dir} failed (${why}): nothing of this commit was acknowledged. Check the disk and the kernel log`,
  QUEUE_CLOSED: () => 'the queue is not open: call start() first, and do not use it after stop()',
  QUEUE_BAD_ENTRY: (why: string) => `the queue cannot take this entry: ${why}`
})

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT', 'MDB_MAP_FULL'])
const NOT_WRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ELOOP', 'ENAMETOOLONG', 'ENOENT'])

/** A file system error turned into the queue's own; coded ones pass through. */
export function fromIo(error: unknown, dir: string): CodedError {
  if (error instanceof CodedError) return error
  const code = (error as { code?: unknown } | null)?.code
  const why = typeof code === 'string' ? code : error instanceof Error ? error.message : 'unknown error'
  const made = NO_SPACE.has(why)
    ? queueErrors.QUEUE_DISK_FULL(dir)
    : NOT_WRITABLE.has(why)
      ? queueErrors.QUEUE_NOT_WRITABLE(dir, why)
      : queueErrors.QUEUE_IO(dir, why)
  made.cause = error
  return made
}
