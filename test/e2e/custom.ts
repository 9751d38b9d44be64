// A whole gateway with a custom processor and a custom exporter whose worker dies twice: everything arrives all the same,
// and the other exporter's data never waits.

import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { encodeRequest } from '../../core/otlp/decode.js'
import { startGateway } from './gateway.js'
import { type Run, until } from './harness.js'

/** Dies at its first call and hangs at its second one; the worker that follows works. */
const MODULE = `import { existsSync, writeFileSync } from 'node:fs'
const first = file => !existsSync(file) && (writeFileSync(file, ''), true)
export default {
  create: ({ config }) => ({
    async send (request, { abort }) {
      if (first(config.folder + '/died')) process.exit(1)
      if (first(config.folder + '/hung')) for (;;);
      const names = request.resourceSpans.flatMap(r => r.scopeSpans).flatMap(s => s.spans).map(s => s.name + ' ' + s.attributes.at(-1)?.value)
      const { ok } = await fetch(config.url, { method: 'POST', body: names.join('\\n'), signal: abort })
      if (!ok) throw new Error('not ok')
    }
  })
}`

export default async function run(run: Run): Promise<void> {
  const got: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk
    })
    request.on('end', () => {
      got.push(...body.split('\n'))
      response.end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  run.onEnd(async () => server.closeAllConnections())
  run.onEnd(async () => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const folder = await run.folder()
  const module = join(folder, 'mine.mjs')
  await writeFile(module, MODULE)
  const exporters = `  custom/mine:
    module: '${module}'
    config: { url: '${url}', folder: '${folder}' }
    send_timeout: 2s
    retry_on_failure: { initial_interval: 100ms, max_interval: 500ms }`
  const processors = `  custom/tenant: { module: docs/examples/custom-processor/tenant.mjs }`
  const gateway = await startGateway(run, 'traces', exporters, { processors })
  for (let i = 0; i < 20; i++) {
    const status = await gateway.send('traces', trace(`span ${i}`))
    if (status !== 200) run.check('the gateway takes every request', false, status)
  }
  await until('all spans to arrive', async () => new Set(got).size === 20, 60_000)
  run.same('20 spans arrive, through a crash and a hang', new Set(got).size, 20)
  run.check(
    'the custom processor added its attribute',
    got.every(line => line.endsWith(' acme')),
    got[0]
  )
  run.check('the gateway is alive', !gateway.process.isEnded)
  const lost = gateway.process.output.match(/"why":"(crash|timeout)"/g) ?? []
  run.same('both losses are in the log', new Set(lost).size, 2)
}

function trace(name: string): Buffer {
  const ids = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2) }
  const spans = [{ ...ids, name, attributes: [{ key: 'api.key', value: 'acme_1' }] }]
  return encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans }] }] })
}
