// `algoflow-gateway start`: reads the config, runs the gateway until it is told to stop; with several workers it supervises
// the processes that do.

import { codeOf } from '../../core/component/errors.js'
import { type Loaded, loadConfig } from '../../core/config/load.js'
import { problemText } from '../../core/config/problem.js'
import type { GatewayConfig } from '../../core/config/types.js'
import { systemClock } from '../../core/telemetry/clock.js'
import { createLog, withFields } from '../../core/telemetry/log.js'
import { EXIT } from '../exit-codes.js'
import { registryWith } from '../registry.js'
import { linkToSupervisor } from '../supervisor/link.js'
import { ALONE, checkSeats, type Seat, seatOf, workersOf } from '../supervisor/seat.js'
import { Supervisor } from '../supervisor/supervisor.js'
import { callsOf, wholeSources } from '../supervisor/whole.js'
import { type AdminSources, createAdmin } from './admin/index.js'
import { adminSources, metricsOf } from './admin-sources.js'
import type { Role } from './app.js'
import { gatewayErrors } from './errors.js'
import { GatewayGroup } from './group.js'
import { installationKey } from './installation-key.js'
import { RECEIVERS } from './receivers/index.js'

export interface RunOptions {
  /** Config file; the defaults run without one. */
  readonly config?: string
  /** `--set a.b=c` changes. */
  readonly set?: readonly string[]
  /** The product's version, for logs and metrics. */
  readonly version: string
  /** Its part of the work. Default `all`. */
  readonly role?: Role
}

/** A checked config and what its run needs. */
interface Program {
  readonly config: GatewayConfig
  readonly expanded: string
  readonly version: string
  readonly log: ReturnType<typeof createLog>
  readonly role: Role
}

/** Runs until SIGTERM or SIGINT; the exit code. A second signal ends it at once. */
export async function run(options: RunOptions): Promise<number> {
  const loaded = loadConfig({
    ...(options.config === undefined ? {} : { file: options.config }),
    ...(options.set === undefined ? {} : { set: options.set }),
    env: process.env,
    registry: registryWith(RECEIVERS),
    isTerminal: process.stderr.isTTY === true
  })
  const { config } = loaded
  if (config === undefined) {
    for (const problem of loaded.problems) process.stderr.write(`${problemText(problem)}\n`)
    process.stderr.write(`\n${loaded.problems.length} problem(s): nothing was started.\n`)
    return EXIT.config
  }
  const log = createLog({ ...config.service.logs, clock: systemClock, colour: process.stderr.isTTY === true })
  const { version, role = 'all' } = options
  const program = { config, expanded: loaded.expanded, version, log, role }
  const seat = seatOf(process.env)
  if (seat !== undefined && process.send !== undefined) return work(program, seat)
  tellNotes(loaded, log)
  return workersOf(config) > 1 ? supervise(program) : alone(program)
}

async function alone(program: Program): Promise<number> {
  const { config, log, version } = program
  let group: GatewayGroup | undefined
  let admin: ReturnType<typeof createAdmin> | undefined
  let address = ''
  try {
    group = groupOf(program, ALONE)
    admin = createAdmin(config.service.adminEndpoint, sourcesOf(group, program), systemClock)
    address = await admin.start()
    await group.start()
  } catch (error) {
    await admin?.stop()
    return failed(log, error)
  }
  log.info(
    { version, admin: `http://${address}`, queue: config.queue.type, pipelines: config.pipelines.map(p => p.id) },
    'ready'
  )
  tellStopping(program, await stopSignal())
  await group.stop()
  await admin.stop()
  tellStopped(group, log)
  return EXIT.ok
}

/** One of the processes of a supervised gateway: it is asked and stopped over the channel to its supervisor. */
async function work(program: Program, seat: Seat): Promise<number> {
  const log = withFields(program.log, { worker: seat.index })
  let sources: AdminSources | undefined
  let group: GatewayGroup | undefined
  // The terminal's ^C reaches every process; the supervisor says when to stop.
  process.on('SIGINT', () => {})
  const link = linkToSupervisor(() => callsOf(sources!, () => metricsOf(group!).families()))
  try {
    group = groupOf({ ...program, log }, seat)
    sources = sourcesOf(group, program)
    await group.start()
  } catch (error) {
    link.close()
    return failed(log, error)
  }
  link.ready()
  await Promise.race([link.stop, new Promise(resolve => process.once('SIGTERM', resolve))])
  await group.stop()
  tellStopped(group, log)
  link.close()
  return EXIT.ok
}

async function supervise(program: Program): Promise<number> {
  const { config, log, version } = program
  const supervisor = new Supervisor({ workers: workersOf(config), log, clock: systemClock })
  const sources = wholeSources(supervisor, config)
  const admin = createAdmin(config.service.adminEndpoint, sources, systemClock)
  let address = ''
  try {
    checkRole(program)
    checkSeats(config)
    address = await admin.start()
    await supervisor.start()
  } catch (error) {
    await admin.stop()
    return failed(log, error)
  }
  const pipelines = config.pipelines.map(p => p.id)
  const workers = supervisor.workers.length
  log.info({ version, admin: `http://${address}`, queue: config.queue.type, pipelines, workers }, 'ready')
  tellStopping(program, await stopSignal())
  await supervisor.stop(config.service.shutdownTimeoutMs)
  await admin.stop()
  log.info({}, 'stopped')
  return EXIT.ok
}

function groupOf(program: Program, seat: Seat): GatewayGroup {
  const { config, version, log, role } = program
  checkRole(program)
  const key = config.queue.type === 'embedded' ? { installationKey: () => installationKey(config.queue.path) } : {}
  return new GatewayGroup({ config, version, log, clock: systemClock, role, ...key }, seat)
}

function sourcesOf(group: GatewayGroup, { expanded, version }: Program): AdminSources {
  return adminSources(group, expanded, version)
}

/** A part of the work needs others that do the rest. @throws GATEWAY_ROLE_QUEUE */
function checkRole({ config, role }: Program): void {
  if (role === 'all' || config.queue.type === 'redis') return
  throw gatewayErrors.GATEWAY_ROLE_QUEUE(role === 'deliver' ? 'only delivers' : 'only receives', config.queue.type)
}

function failed(log: Program['log'], error: unknown): number {
  const text = error instanceof Error ? error.message : String(error)
  log.error({ code: codeOf(error) }, `cannot start: ${text}`)
  return EXIT.failed
}

function tellNotes({ notes }: Loaded, log: Program['log']): void {
  for (const note of notes) {
    const text = [note.says, note.fix].filter(part => part !== undefined).join('. ')
    log[note.severity === 'warning' ? 'warn' : 'info']({ at: `${note.file}:${note.line}`, path: note.path }, text)
  }
}

function tellStopping({ config, log }: Program, signal: string): void {
  const limit_ms = config.service.shutdownTimeoutMs
  log.info({ signal, limit_ms }, 'stopping: no new data; what is under way is finished or kept')
}

function tellStopped(group: GatewayGroup, log: Program['log']): void {
  const { exporters } = group.ledger()
  const waiting_items = exporters.reduce((sum, one) => sum + one.waiting, 0)
  log.info({ waiting_items }, waiting_items > 0 ? 'stopped; what waits is delivered after the next start' : 'stopped')
}

function stopSignal(): Promise<string> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      let isFirst = true
      process.on(signal, () => {
        if (!isFirst) process.exit(130)
        isFirst = false
        resolve(signal)
      })
    }
  })
}
