// A real redis-server for tests: REDIS_URL if set, else `redis-server` of the PATH, else installed with apt-get as root, else a
// failure that says so: nothing is skipped silently. Each server has a free port, its own directory and a bounded life.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'

export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Of the server process; 0 when it was not started here. */
  readonly pid: number
  kill(signal: NodeJS.Signals): void
  /** Resolves when the process has ended. */
  readonly gone: Promise<void>
  /** Ends the process (SIGKILL unless `signal` says otherwise), starts it again on the same port and directory. */
  restart(signal?: NodeJS.Signals): Promise<void>
  /** Ends the process, empties its directory, starts it again on the same port: it has lost everything. */
  restartEmpty(): Promise<void>
  stop(): Promise<void>
}

/** No server outlives its test by more than this. */
const LIFE_S = 300
const START_MS = 10_000

let known: string | undefined

/** Path of a redis-server that runs. @throws what was tried and what to do. */
export function redisServerPath(): string {
  known ??= find()
  return known
}

/** The server of REDIS_URL, or one of its own with `args` (`--appendonly yes` and so on). */
export async function redisForTest(args: readonly string[] = []): Promise<RedisServer> {
  const url = process.env['REDIS_URL']
  if (url === undefined || url === '' || args.length > 0) return startRedis(args)
  return {
    url,
    port: 0,
    pid: 0,
    kill: notOurs,
    gone: new Promise(() => {}),
    restart: async () => notOurs(),
    restartEmpty: async () => notOurs(),
    stop: async () => {}
  }
}

/** Starts a redis-server with an append-only file (fsync each second) on a free port of loopback. */
export async function startRedis(
  args: readonly string[] = [],
  { below = 65_536 }: { readonly below?: number } = {}
): Promise<RedisServer> {
  const path = redisServerPath()
  const dir = mkdtempSync(join(tmpdir(), 'redis-test-'))
  let port = await freePort()
  while (port >= below) port = await freePort()
  let child = await launch(path, dir, port, args)
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (hasEnded(child)) return
    const ended = new Promise(done => child.once('exit', done))
    child.kill('SIGCONT')
    child.kill(signal)
    await ended
  }
  const atExit = (): void => void child.kill('SIGKILL')
  process.once('exit', atExit)
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid ?? 0
    },
    kill: signal => void child.kill(signal),
    get gone() {
      return new Promise<void>(done => (hasEnded(child) ? done() : child.once('exit', () => done())))
    },
    restart: async (signal = 'SIGKILL') => {
      await end(signal)
      child = await launch(path, dir, port, args)
    },
    restartEmpty: async () => {
      await end('SIGKILL')
      rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
      mkdirSync(dir)
      child = await launch(path, dir, port, args)
    },
    stop: async () => {
      await end('SIGKILL')
      process.off('exit', atExit)
      try {
        rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
      } catch {
        // A child that rewrites the append-only file is writing still: its folder stays among the temporary ones.
      }
    }
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise(done => server.close(done))
  return port
}

async function launch(path: string, dir: string, port: number, args: readonly string[]): Promise<ChildProcess> {
  const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'yes']
  const child = spawn(path, [...own, '--appendfsync', 'everysec', ...args], { stdio: 'ignore' })
  // A watch of its own ends it when its time is over or this process was killed and can end nothing.
  const watch = `n=0; while kill -0 ${process.pid} && [ $n -lt ${LIFE_S} ]; do sleep 1; n=$((n+1)); done; kill -9 ${child.pid}`
  const watcher = spawn('sh', ['-c', watch], { stdio: 'ignore', detached: true })
  watcher.unref()
  child.once('exit', () => watcher.kill())
  const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => 20 })
  client.on('error', () => {})
  const deadline = Date.now() + START_MS
  try {
    client.connect().catch(() => {})
    while (!(await client.ping().then(isUp, isUp))) {
      if (child.exitCode !== null) throw new Error(`redis-server ended with code ${child.exitCode}`)
      if (Date.now() > deadline) throw new Error(`redis-server did not answer within ${START_MS} ms`)
      await sleep(20)
    }
  } finally {
    client.disconnect()
  }
  return child
}

/** A word about a password is a sign of life. */
function isUp(answer: unknown): boolean {
  return answer === 'PONG' || /NOAUTH/.test(String(answer))
}

function find(): string {
  if (works('redis-server')) return 'redis-server'
  const tried = ['`redis-server` is not on the PATH']
  if (process.getuid?.() === 0) {
    for (const command of ['update', 'install -y --no-install-recommends redis-server']) {
      const { status } = spawnSync('apt-get', command.split(' '), { stdio: 'ignore', timeout: 120_000 })
      if (status !== 0) tried.push(`apt-get ${command} failed`)
    }
    if (works('redis-server')) return 'redis-server'
  } else tried.push('not root, so apt-get was not tried')
  throw new Error(`no Redis for the tests: ${tried.join('; ')}. Install redis-server or set REDIS_URL`)
}

function works(path: string): boolean {
  return spawnSync(path, ['--version'], { stdio: 'ignore' }).status === 0
}

function notOurs(): never {
  throw new Error('the server of REDIS_URL was not started by this test: unset REDIS_URL')
}
