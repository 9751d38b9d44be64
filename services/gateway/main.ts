// `algoflow-gateway start`: reads the config, runs the gateway until it is told to stop.

import { codeOf } from '../../core/component/errors.js'
import { loadConfig } from '../../core/config/load.js'
import { problemText } from '../../core/config/problem.js'
import { systemClock } from '../../core/telemetry/clock.js'
import { createLog } from '../../core/telemetry/log.js'
import { EXIT } from '../exit-codes.js'
import { registryWith } from '../registry.js'
import { type Admin, createAdmin } from './admin/index.js'
import { adminSources } from './admin-sources.js'
import { Gateway } from './app.js'
import { installationKey } from './installation-key.js'
import { RECEIVERS } from './receivers/index.js'

export interface RunOptions {
  /** Config file; the defaults run without one. */
  readonly config?: string
  /** `--set a.b=c` changes. */
  readonly set?: readonly string[]
  /** The product's version, for logs and metrics. */
  readonly version: string
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
  for (const note of loaded.notes) {
    const text = [note.says, note.fix].filter(part => part !== undefined).join('. ')
    log[note.severity === 'warning' ? 'warn' : 'info']({ at: `${note.file}:${note.line}`, path: note.path }, text)
  }
  let gateway: Gateway
  let admin: Admin | undefined
  let address = ''
  try {
    gateway = new Gateway({
      config,
      version: options.version,
      log,
      clock: systemClock,
      ...(config.queue.type === 'embedded' ? { installationKey: () => installationKey(config.queue.path) } : {})
    })
    admin = createAdmin(
      config.service.adminEndpoint,
      adminSources(gateway, loaded.expanded, options.version),
      systemClock
    )
    address = await admin.start()
    await gateway.start()
  } catch (error) {
    await admin?.stop()
    const text = error instanceof Error ? error.message : String(error)
    log.error({ code: codeOf(error) }, `cannot start: ${text}`)
    return EXIT.failed
  }
  log.info(
    {
      version: options.version,
      admin: `http://${address}`,
      queue: config.queue.type,
      pipelines: config.pipelines.map(p => p.id)
    },
    'ready'
  )
  const signal = await stopSignal()
  log.info(
    { signal, limit_ms: config.service.shutdownTimeoutMs },
    'stopping: no new data; what is under way is finished or kept'
  )
  await gateway.stop()
  await admin.stop()
  const { exporters } = gateway.ledger()
  const waiting = exporters.reduce((sum, one) => sum + one.waiting, 0)
  log.info(
    { waiting_items: waiting },
    waiting > 0 ? 'stopped; what waits is delivered after the next start' : 'stopped'
  )
  return EXIT.ok
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
