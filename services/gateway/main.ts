// `algoflow-gateway start`: reads the config, runs the gateway until it is told to stop; with several workers it supervises
// the processes that do.

import { codeOf } from '../../core/component/errors.js'
import { type Loaded, loadConfig } from '../../core/config/load.js'
import { problemText } from '../../core/config/problem.js'
import type { GatewayConfig } from '../../core/config/types.js'
import { systemClock } from '../../core/telemetry/clock.js'
import { createLog, type ProcessLog, withFields } from '../../core/telemetry/log.js'
import { EXIT } from '../exit-codes.js'
import { registryWith } from '../registry.js'
import { configFromSupervisor, linkToSupervisor } from '../supervisor/link.js'
import { ALONE, checkSeats, type Seat, seatOf, workersOf } from '../supervisor/seat.js'
import { Supervisor } from '../supervisor/supervisor.js'
import { callsOf, reloadAll, wholeSources } from '../supervisor/whole.js'
import { type Admin, type AdminSources, type Changes, createAdmin } from './admin/index.js'
import { adminSources, metricsOf } from './admin-sources.js'
import type { Role } from './app.js'
import { Audit, self } from './control/audit.js'
import { Control, type ControlOptions, type Source, textOf } from './control/control.js'
import { gatewayErrors } from './errors.js'
import { greeting } from './greeting.js'
import { GatewayGroup } from './group.js'
import { installationKey } from './installation-key.js'
import { RECEIVERS } from './receivers/index.js'

/** What a reload may take in a worker beyond the drain of what is under way. */
const RELOAD_SPARE_MS = 30_000

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
  readonly first: Source
  readonly config: GatewayConfig
  /** Reads and checks the config anew, or the given text of it. */
  readonly load: (text?: string | null) => Source
  readonly version: string
  readonly log: ProcessLog
  readonly role: Role
  readonly file: string | undefined
}

/** Runs until SIGTERM or SIGINT; the exit code. A second signal ends it at once. */
export async function run(options: RunOptions): Promise<number> {
  const seat = process.send === undefined ? undefined : seatOf(process.env)
  const load = loader(options)
  const first = seat === undefined ? load() : load(await configFromSupervisor())
  const { config, problems } = first.loaded
  if (config === undefined) {
    for (const problem of problems) process.stderr.write(`${problemText(problem)}\n`)
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
    process.stderr.write(`\n${count}: nothing was started.\n`)
    return EXIT.config
  }
  const log = createLog({ ...config.service.logs, clock: systemClock, colour: process.stderr.isTTY === true })
  const { version, role = 'all' } = options
  const program = { first, config, load, version, log, role, file: options.config }
  if (seat !== undefined) return work(program, seat)
  tellNotes(first.loaded, log)
  return workersOf(config) > 1 ? supervise(program) : alone(program)
}

/** @returns reads the file, or takes the text that it once had; null: there is no file. */
function loader({ config: file, set }: RunOptions): Program['load'] {
  return given => {
    const text = given === undefined ? textOf(file) : (given ?? undefined)
    const loaded = loadConfig({
      ...(file === undefined ? {} : { file }),
      ...(text === undefined ? {} : { text }),
      ...(set === undefined ? {} : { set }),
      env: process.env,
      registry: registryWith(RECEIVERS),
      isTerminal: process.stderr.isTTY === true
    })
    return { text, loaded }
  }
}

async function alone(program: Program): Promise<number> {
  const { log } = program
  let group: GatewayGroup
  let apply: ControlOptions['apply']
  try {
    group = groupOf(program, ALONE)
    apply = (next, now) => group.reload(next.loaded.config!, now.loaded.config!)
  } catch (error) {
    return failed(log, error)
  }
  return serve(program, apply, {
    start: () => group.start(),
    stop: () => group.stop(),
    sources: control => adminSources(group, () => control.expanded, program.version),
    stopped: () => tellStopped(group, log),
    ready: {}
  })
}

async function supervise(program: Program): Promise<number> {
  const { config, log } = program
  let control: Control | undefined
  const text = () => (control === undefined ? program.first.text : control.text)
  const supervisor = new Supervisor({ workers: workersOf(config), log, clock: systemClock, text })
  const limitMs = config.service.shutdownTimeoutMs + RELOAD_SPARE_MS
  return serve(program, (next, now) => reloadAll(supervisor, next.text, now.text, limitMs), {
    start: async () => {
      checkRole(program)
      checkSeats(config)
      await supervisor.start()
    },
    stop: () => supervisor.stop((control?.config ?? config).service.shutdownTimeoutMs),
    sources: made => {
      control = made
      return wholeSources(supervisor, () => made.config)
    },
    stopped: () => log.info({}, 'stopped'),
    ready: { workers: workersOf(config) }
  })
}

/** What runs behind the admin endpoint, in this process or in others. */
interface Served {
  start(): Promise<void>
  stop(): Promise<void>
  sources(control: Control): AdminSources
  stopped(): void
  /** Told with `ready`. */
  readonly ready: object
}

/** Starts it with its admin endpoint, takes changes, and stops it in the end. */
async function serve(program: Program, apply: ControlOptions['apply'], served: Served): Promise<number> {
  const { config, log, version, first, load } = program
  let control: Control | undefined
  let admin: Admin | undefined
  let sources: AdminSources
  // Without this the signal would end the process.
  process.on('SIGHUP', () => void control?.reload(self('signal')))
  let address = ''
  try {
    const audit = new Audit(config, log, systemClock)
    const made = new Control({ load, first, apply, audit, log, clock: systemClock })
    sources = withChanges(served.sources(made), made)
    admin = createAdmin(config.service.adminEndpoint, sources, systemClock)
    address = await admin.start()
    await served.start()
    made.started(version)
    control = made
  } catch (error) {
    await admin?.stop()
    await served.stop()
    return failed(log, error)
  }
  const pipelines = config.pipelines.map(p => p.id)
  log.info({ version, admin: `http://${address}`, queue: config.queue.type, pipelines, ...served.ready }, 'ready')
  await greet(program, address, sources)
  tellStopping(control, log, await stopSignal())
  await control.stop()
  await served.stop()
  await admin.stop()
  served.stopped()
  return EXIT.ok
}

function withChanges(sources: AdminSources, control: Control): AdminSources {
  const changes: Changes = {
    access: () => control.config.service.admin,
    reload: who => control.reload(who),
    act: (...args) => control.act(...args),
    metricsText: () => control.metricsText()
  }
  // Not spread: some of it is asked each time.
  return Object.create(sources, { changes: { value: changes } }) as AdminSources
}

/** One of the processes of a supervised gateway: it is asked and stopped over the channel to its supervisor. */
async function work(program: Program, seat: Seat): Promise<number> {
  const log = Object.assign(withFields(program.log, { worker: seat.index }), { setLevel: program.log.setLevel })
  let now = program.first
  let sources: AdminSources | undefined
  let group: GatewayGroup | undefined
  // The terminal's ^C reaches every process; the supervisor says when to stop, and when to go over to another config.
  process.on('SIGINT', () => {})
  process.on('SIGHUP', () => {})
  const reload = async (text: string | null) => {
    const next = program.load(text)
    // The supervisor has checked it; what the text names (files, variables) may have changed since.
    if (next.loaded.config === undefined) throw gatewayErrors.GATEWAY_CONFIG_CHANGED()
    await group!.reload(next.loaded.config, now.loaded.config!)
    now = next
    log.setLevel(next.loaded.config.service.logs.level)
  }
  const link = linkToSupervisor(() => callsOf(sources!, () => metricsOf(group!).families(), reload))
  try {
    group = groupOf({ ...program, log }, seat)
    sources = adminSources(group, () => now.loaded.expanded, program.version)
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

function groupOf(program: Program, seat: Seat): GatewayGroup {
  const { config, version, log, role } = program
  checkRole(program)
  const key = config.queue.type === 'embedded' ? { installationKey: () => installationKey(config.queue.path) } : {}
  return new GatewayGroup({ config, version, log, clock: systemClock, role, ...key }, seat)
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

/** A person at a terminal is told where things are. */
async function greet({ config, file }: Program, admin: string, sources: AdminSources): Promise<void> {
  if (process.stderr.isTTY !== true || config.service.logs.encoding === 'json') return
  const { listening } = await sources.status()
  process.stderr.write(greeting({ config, file, admin, listening }))
}

function tellStopping({ config }: Control, log: Program['log'], signal: string): void {
  const limit_ms = config.service.shutdownTimeoutMs
  log.info(
    { signal, limit_ms },
    'stopping: no new data; what is under way is finished or kept. A second signal ends it at once'
  )
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
        if (!isFirst) {
          process.stderr.write('ended at once; what was not delivered stays in the queue\n')
          process.exit(130)
        }
        isFirst = false
        resolve(signal)
      })
    }
  })
}
