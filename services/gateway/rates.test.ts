// Gateways over one Redis tell each other their rates.

import { Redis } from 'ioredis'
import t from 'tap'
import { loadConfig } from '../../core/config/load.js'
import { systemClock } from '../../core/telemetry/clock.js'
import { silentLog } from '../../test/helpers/receiver.js'
import { startRedis } from '../../test/helpers/redis.js'
import { registryWith } from '../registry.js'
import { Gateway } from './app.js'
import { RECEIVERS } from './receivers/index.js'

function gateway(url: string): Gateway {
  const text = `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}}
processors: {adaptive_sampler: {items_per_second: 100}}
exporters: {debug: {}}
queue: {type: redis, url: "${url}", prefix: rates-test}
service: {pipelines: {traces: {receivers: [otlp], processors: [adaptive_sampler], exporters: [debug]}}}
`
  const { config, problems } = loadConfig({ text, env: {}, registry: registryWith(RECEIVERS) })
  if (config === undefined) throw new Error(problems.map(problem => problem.says).join('\n'))
  return new Gateway({ config, version: '0', log: silentLog, clock: systemClock })
}

t.test('a target for all of them is shared out by what each one sees', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  const both = [gateway(redis.url), gateway(redis.url)]
  for (const one of both) await one.start()
  const known = () => client.hlen('{rates-test}:rate:traces/adaptive_sampler/rate')
  for (let tries = 0; tries < 100 && (await known()) < 2; tries++)
    await new Promise(resolve => setTimeout(resolve, 100))
  t.equal(await known(), 2)
  await both[0]!.stop(0)
  t.equal(await known(), 1, 'who stops says so')
  await both[1]!.stop(0)
})
