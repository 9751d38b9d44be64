// What keeps a checked config from becoming a running gateway.

import { catalogue } from '../../core/component/errors.js'

export const gatewayErrors = catalogue({
  GATEWAY_NO_TYPE: (kind: string, type: string) => `this build has no ${kind} of type ${type}`,
  GATEWAY_TWO_WINDOWS: (pipeline: string, first: string, second: string) =>
    `pipeline ${pipeline} has two processors that judge whole traces, ${first} and ${second}: leave one out`,
  GATEWAY_ROLE_QUEUE: (role: string, queue: string) =>
    `a gateway that ${role} needs \`queue: {type: redis}\`, shared with those that do the rest; this one is \`${queue}\``,
  GATEWAY_WORKERS_QUEUE: () =>
    'service.workers: processes cannot share a queue in memory. Use `queue: {type: embedded}` or redis, or one worker',
  GATEWAY_WORKERS_WINDOW: (processor: string) =>
    `service.workers: ${processor} judges whole traces, and with an embedded queue the spans of a trace would be with different processes. Use one worker, a Redis queue, or probabilistic_sampler`,
  GATEWAY_WORKERS_EXPORTER: (exporter: string, why: string) =>
    `service.workers: exporter ${exporter} cannot run in several processes: ${why}`,
  GATEWAY_WORKER_FAILED: (worker: number) => `worker ${worker} ended before it was ready: its last lines above say why`,
  GATEWAY_WORKER_AWAY: (worker: number) => `worker ${worker} gives no answer: it is being started again, or hangs`,
  GATEWAY_NEEDS_RESTART: (paths: readonly string[]) =>
    `cannot be changed while the gateway runs: ${paths.join(', ')}. Restart it, or take the change back; nothing was changed`,
  GATEWAY_CONFIG_CHANGED: () =>
    'a worker reads the config differently: a file or variable that it names was changed meanwhile. Try again',
  GATEWAY_NOT_READY: (state: string) => `the gateway is ${state}: its config can be changed when it is ready`
})
