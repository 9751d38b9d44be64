import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../core/config/load.js'
import { systemClock } from '../../core/telemetry/clock.js'
import { registryWith } from '../registry.js'
import { RECEIVERS } from './receivers/index.js'
import { warmUp } from './warm-up.js'

function configIn(dir: string) {
  const text = JSON.stringify({
    receivers: { otlp: { protocols: { http: { endpoint: '127.0.0.1:0' } } } },
    processors: { redaction: {}, hashing: { hash_fields: ['user_id'] } },
    exporters: { otlp_http: { endpoint: 'http://127.0.0.1:9' } },
    queue: { type: 'embedded', path: dir },
    service: {
      pipelines: {
        traces: { receivers: ['otlp'], processors: ['hashing', 'redaction'], exporters: ['otlp_http'] },
        logs: { receivers: ['otlp'], processors: ['redaction'], exporters: ['otlp_http'] },
        metrics: { receivers: ['otlp'], processors: ['redaction'], exporters: ['otlp_http'] }
      }
    }
  })
  return loadConfig({ text, env: {}, registry: registryWith(RECEIVERS) }).config!
}

t.test('the rehearsal leaves nothing behind', async t => {
  const dir = t.testdir({})
  await warmUp(configIn(dir), systemClock)
  t.notOk(existsSync(join(dir, 'warm-up')))
  t.notOk(existsSync(join(dir, 'installation.key')), 'and makes no key')
})

t.test('where it cannot run the start goes on', async t => {
  const dir = t.testdir({ file: 'in the way' })
  await warmUp(configIn(join(dir, 'file')), systemClock)
  t.pass()
})
