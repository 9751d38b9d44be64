// `cloudwatch`: metrics to Amazon CloudWatch with PutMetricData.

import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch'
import type { ComponentContext } from '../../core/component/context.js'
import { defineExporter, type Exporter } from '../../core/component/exporter.js'
import { clientTls } from '../../core/net/tls.js'
import { type CloudWatchConfig, schema, validate } from './config.js'
import { Differences } from './differences.js'
import { errors } from './failures.js'
import { MAX_DATUMS, Sender } from './sender.js'

/** One batch is one request as a rule: a datum takes more bytes in the request than its point in OTLP. */
const LIMITS = { maxBytes: 512 * 1024, maxItems: MAX_DATUMS }
const CONNECT_TIMEOUT_MS = 5000
const MAX_SOCKETS = 4

type Counter = 'dropped' | 'dimensions_left_out' | 'series_forgotten'

export default defineExporter({
  type: 'cloudwatch',
  aliases: ['awscloudwatch'],
  signals: ['metrics'],
  stability: 'beta',
  about: 'Sends metrics to Amazon CloudWatch with PutMetricData.',
  schema,
  counters: {
    dropped: { unit: '{data_point}', about: 'Data points that CloudWatch cannot take.', label: 'reason' },
    dimensions_left_out: { unit: '{attribute}', about: 'Attributes beyond the 30 dimensions of a metric.' },
    series_forgotten: { unit: '{series}', about: 'Cumulative series forgotten for lack of room (`max_series`).' }
  },
  validate,
  create
})

function create(config: CloudWatchConfig, { clock, count, log }: ComponentContext<Counter>): Exporter {
  let client: CloudWatchClient | undefined
  let sender: Sender | undefined
  return {
    limits: LIMITS,
    async start() {
      // Only who uses CloudWatch loads its SDK.
      const sdk = await import('@aws-sdk/client-cloudwatch')
      const made = await makeClient(sdk, config)
      client = made
      const differences = new Differences(config.max_series, clock.now())
      let forgotten = 0
      sender = new Sender({
        put: (input, abortSignal) => made.send(new sdk.PutMetricDataCommand(input), { abortSignal }),
        config,
        differences,
        now: () => clock.now(),
        notSent: reason => count.dropped(1, reason),
        dimensionsLeft: n => count.dimensions_left_out(n),
        committed: () => {
          if (differences.forgotten > forgotten) count.series_forgotten(differences.forgotten - forgotten)
          forgotten = differences.forgotten
        }
      })
      log.info({ namespace: config.namespace, region: await made.config.region() }, 'metrics go to CloudWatch')
    },
    async send(batch, abort) {
      if (sender === undefined) return { kind: 'retry', cause: errors.CLOUDWATCH_UNAVAILABLE('not started') }
      try {
        return await sender.send(batch, abort)
      } catch (error) {
        // The bytes are no OTLP: nothing of the SDK gets here.
        return { kind: 'refused', cause: error as Error }
      }
    },
    async stop() {
      client?.destroy()
      client = undefined
      sender = undefined
    }
  }
}

/** Retries are delivery's work, so the SDK makes one attempt. */
async function makeClient(
  sdk: typeof import('@aws-sdk/client-cloudwatch'),
  config: CloudWatchConfig
): Promise<CloudWatchClient> {
  const tls = config.tls === undefined ? { minVersion: 'TLSv1.3' as const } : await clientTls(config.tls, 'tls')
  const made = new sdk.CloudWatchClient({
    ...(config.region === undefined ? {} : { region: config.region }),
    ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint }),
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      httpAgent: new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
      httpsAgent: new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS, ...tls })
    }
  })
  try {
    await made.config.region()
    return made
  } catch {
    made.destroy()
    throw errors.CLOUDWATCH_REGION()
  }
}
