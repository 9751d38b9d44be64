// What end-to-end scripts share: a cache for what they install or build, processes on free ports that end with the
// script, waiting with a limit, and the table of checks.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const POLL_MS = 100
const KILL_AFTER_MS = 5000
const KEPT_OUTPUT = 20_000
const KEPT_ERROR = 600

const exec = promisify(execFile)

export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

/** One script's run: its checks, its processes, its temporary folder. */
export class Run {
  readonly checks: Check[] = []
  readonly #cleanUps: (() => Promise<unknown>)[] = []

  /** Notes a fact and goes on. */
  check(name: string, ok: boolean, detail: unknown = ''): void {
    this.checks.push({ name, ok, detail: typeof detail === 'string' ? detail : JSON.stringify(detail) })
  }

  /** Two values that must be the same, compared as JSON. */
  same(name: string, actual: unknown, expected: unknown): void {
    const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
    this.check(name, a === b, a === b ? a : `got ${a}, expected ${b}`)
  }

  /** Runs at the end, the last one first. */
  onEnd(fn: () => Promise<unknown>): void {
    this.#cleanUps.push(fn)
  }

  /** A folder that goes at the end. */
  async folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'algoflow-e2e-'))
    this.onEnd(() => rm(path, { recursive: true, force: true }))
    return path
  }

  /** Starts a program; it is ended with the script. `ready` is asked until it is true. */
  async start(command: string, args: readonly string[], options: StartOptions): Promise<Started> {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    const started = new Started(child)
    this.onEnd(() => started.stop())
    await until(
      `${command} to be ready`,
      async () => {
        if (started.isEnded) throw new Error(`${command} ended: ${started.output}`)
        return await options.ready(started)
      },
      options.withinMs ?? 30_000
    )
    return started
  }

  async end(): Promise<void> {
    for (const cleanUp of this.#cleanUps.reverse()) await cleanUp().catch(() => undefined)
  }
}

export interface StartOptions {
  readonly ready: (started: Started) => Promise<boolean>
  readonly withinMs?: number
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** A program of ours, known by its process. */
export class Started {
  readonly #child: ChildProcess
  #output = ''
  #ended: Promise<void>

  constructor(child: ChildProcess) {
    this.#child = child
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk).slice(-KEPT_OUTPUT)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    this.#ended = new Promise(resolve => {
      child.once('exit', () => resolve())
      child.once('error', error => {
        this.#output += error.message
        resolve()
      })
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined
  }

  /** The last of what it printed. */
  get output(): string {
    return this.#output
  }

  /** Asks it to end, then makes it. */
  async stop(killAfterMs = KILL_AFTER_MS): Promise<void> {
    if (this.isEnded) return
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), killAfterMs)
    await this.#ended
    clearTimeout(timer)
  }
}

/** A folder that stays between runs. `ALGOFLOW_E2E_CACHE` moves it. */
export async function cache(name: string): Promise<string> {
  const path = join(process.env['ALGOFLOW_E2E_CACHE'] ?? join(homedir(), '.cache', 'algoflow-e2e'), name)
  await mkdir(path, { recursive: true })
  return path
}

/** Runs a program to its end within a limit; its output, or an error with its last words. */
export async function command(
  file: string,
  args: readonly string[],
  options: { cwd?: string; withinMs?: number } = {}
) {
  const limits = { timeout: options.withinMs ?? 60_000, maxBuffer: 1 << 24 }
  try {
    return await exec(file, [...args], { ...limits, ...(options.cwd === undefined ? {} : { cwd: options.cwd }) })
  } catch (error) {
    // Compilers say on standard output what is wrong.
    const { stdout } = error as { stdout?: string }
    if (error instanceof Error && stdout !== undefined) error.message = `${error.message}\n${stdout.slice(-KEPT_ERROR)}`
    throw error
  }
}

/** True when a program of that name is on the path. */
export async function has(program: string): Promise<boolean> {
  return await command('sh', ['-c', `command -v ${program}`]).then(
    () => true,
    () => false
  )
}

/** Makes sure that there is a program, with Debian's package of that name. */
export async function aptInstall(program: string, name: string): Promise<void> {
  if (await has(program)) return
  if (!(await has('apt-get'))) throw new Error(`${program} is needed: install ${name}`)
  await command('apt-get', ['update', '-qq'], { withinMs: 180_000 })
  await command('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], { withinMs: 300_000 })
}

/** A port of the loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const port = (server.address() as { port: number }).port
  await new Promise(resolve => server.close(resolve))
  return port
}

/** Asks until it is true; what throws counts as not yet, except at the end. */
export async function until(what: string, ask: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
  const end = Date.now() + withinMs
  let last: unknown
  for (;;) {
    try {
      if (await ask()) return
      last = undefined
    } catch (error) {
      last = error
    }
    if (Date.now() > end) {
      throw new Error(`waited ${withinMs} ms for ${what}`, last === undefined ? undefined : { cause: last })
    }
    await sleep(POLL_MS)
  }
}

/** JSON of a URL; rejects on anything but 200. */
export async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) })
  if (response.status !== 200)
    throw new Error(`${url}: HTTP ${response.status} ${(await response.text()).slice(0, 300)}`)
  return (await response.json()) as T
}

/** True when a URL answers 200. */
export async function isUp(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
  await response.arrayBuffer()
  return response.status === 200
}

export const NANOS_PER_MS = 1_000_000n
