// One process a directory. Node has no flock, so the lock is a file that says who holds it and a proof that it still lives:
// in the same pid namespace the pid and its start time (exact, also after kill -9 and when pids are reused), from another
// one (a container on the same volume) a heartbeat: the file's time, renewed every few seconds.
import * as fs from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { queueErrors } from '../errors.js'

const HEARTBEAT_MS = 2_000
const STALE_MS = 10_000

interface Owner {
  readonly pid: number
  readonly started: string
  readonly namespace: string
  readonly host: string
}

/** Locks held by this very process: the same pid, so the file cannot tell. */
const mine = new Set<string>()

/** Takes the directory for this process or throws QUEUE_IN_USE; the returned function gives it back. */
export function lock(dir: string): () => void {
  const path = join(fs.realpathSync(dir), 'lock')
  if (mine.has(path)) throw queueErrors.QUEUE_IN_USE(dir, 'this process')
  for (let tries = 0; ; tries++) {
    if (create(path)) break
    const text = readOr(path)
    if (text === undefined) continue
    const owner = alive(path, text)
    if (owner !== undefined || tries > 8) throw queueErrors.QUEUE_IN_USE(dir, owner ?? 'another process')
    setAside(path, text)
  }
  mine.add(path)
  const beat = setInterval(() => touch(path), HEARTBEAT_MS)
  beat.unref()
  return () => {
    clearInterval(beat)
    mine.delete(path)
    fs.rmSync(path, { force: true })
  }
}

// Written beside and linked into place: nobody ever sees a lock without its owner.
function create(path: string): boolean {
  const draft = `${path}.${process.pid}`
  fs.writeFileSync(draft, JSON.stringify(self()))
  try {
    fs.linkSync(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  } finally {
    fs.rmSync(draft, { force: true })
  }
}

function self(): Owner {
  return { pid: process.pid, started: startOf(process.pid) ?? '', namespace: namespace(), host: hostname() }
}

/** Who holds the lock, if somebody living does. */
function alive(path: string, text: string): string | undefined {
  const owner = parse(text)
  if (owner === undefined) return undefined
  const name = `process ${owner.pid} on ${owner.host}`
  if (owner.namespace === namespace()) {
    const started = startOf(owner.pid)
    return started !== undefined && started === owner.started && owner.pid !== process.pid ? name : undefined
  }
  const age = Date.now() - (fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)
  return age < STALE_MS ? name : undefined
}

// Two processes may find the same stale lock: whoever moves away something else than it read puts that back.
function setAside(path: string, text: string): void {
  const aside = `${path}.stale.${process.pid}`
  try {
    fs.renameSync(path, aside)
  } catch {
    return
  }
  if (readOr(aside) !== text) {
    try {
      fs.linkSync(aside, path)
    } catch {
      // A third one has the place already: it is the owner.
    }
  }
  fs.rmSync(aside, { force: true })
}

function parse(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Owner
    return typeof owner.pid === 'number' ? owner : undefined
  } catch {
    return undefined
  }
}

function readOr(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function touch(path: string): void {
  const now = new Date()
  fs.utimes(path, now, now, () => {})
}

/**
 * When a process started, in the kernel's ticks since boot; a constant elsewhere; undefined when it is gone. One that ended and
 * that its parent has not asked after (state Z, X) is gone: it has no file open. The first process of a container may never ask.
 */
function startOf(pid: number): string | undefined {
  const stat = readOr(`/proc/${pid}/stat`)
  if (stat !== undefined) {
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  }
  try {
    process.kill(pid, 0)
    return fs.existsSync('/proc/self/stat') ? undefined : 'unknown'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'unknown' : undefined
  }
}

function namespace(): string {
  const boot = readOr('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
  try {
    return `${boot} ${fs.readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return `${boot} ${hostname()}`
  }
}
