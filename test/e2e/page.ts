// The status page as a browser shows it: a gateway with the simulator in front of it, one back end that works and one that is down,
// and headless Chromium. `PAGE_SCREENSHOT=FILE` keeps the picture.

import { copyFile, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Sink } from '../helpers/sink.js'
import { aptInstall, command, freePort, type Run, type Started, until } from './harness.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const WIDTH = 1280
const HEIGHT = 1440
const PNG_MAX = 200_000
const PNG_MIN = 30_000

export default async function run(run: Run): Promise<void> {
  await aptInstall('chromium', 'chromium')
  const back = await new Sink({ count: false }).up()
  run.onEnd(() => back.down())
  const { admin, http } = await startGateway(run, back.url)
  await simulate(run, http, admin)
  await until('decisions and findings', async () => {
    const html = await (await fetch(`${admin}/`)).text()
    return /errors: kept/.test(html) && />email</.test(html) && /breaker open/.test(html)
  })
  await dom(run, admin)
  await picture(run, admin)
}

async function startGateway(run: Run, backEnd: string) {
  const folder = await run.folder()
  const [admin, http] = [await freePort(), await freePort()]
  const retry = { initial_interval: '100ms', max_interval: '1s' }
  const policies = [
    { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
    { name: 'slow', type: 'latency', latency: { threshold_ms: 5000 } },
    { name: 'rest', type: 'probabilistic', probabilistic: { sampling_percentage: 20 } }
  ]
  const all = { receivers: ['otlp'], processors: ['hashing', 'redaction'] }
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${http}` } } } },
    processors: {
      hashing: { hash_fields: ['user_id', 'session_id'] },
      redaction: {},
      tail_sampling: { decision_wait: '2s', policies }
    },
    exporters: {
      'otlp_http/tempo': { endpoint: backEnd, retry_on_failure: retry },
      'otlp_http/archive': { endpoint: 'http://127.0.0.1:1', retry_on_failure: retry }
    },
    queue: { type: 'embedded', path: './queue', max_size: '256MiB' },
    service: {
      telemetry: { admin: { endpoint: `127.0.0.1:${admin}` }, logs: { encoding: 'json' } },
      pipelines: {
        traces: {
          ...all,
          processors: [...all.processors, 'tail_sampling'],
          exporters: ['otlp_http/tempo', 'otlp_http/archive']
        },
        metrics: { ...all, exporters: ['otlp_http/tempo'] },
        logs: { ...all, exporters: ['otlp_http/tempo'] }
      }
    }
  }
  const file = join(folder, 'gateway.yaml')
  await writeFile(file, JSON.stringify(config))
  await run.start('node', [join(ROOT, 'dist/services/ctl/main.js'), 'start', '--config', file], {
    cwd: folder,
    ready: async started => started.output.includes('"msg":"ready"')
  })
  return { admin: `http://127.0.0.1:${admin}`, http: `http://127.0.0.1:${http}` }
}

async function simulate(run: Run, http: string, admin: string): Promise<Started> {
  const script = join(ROOT, 'dist/clients/simulator/main.js')
  const args = ['--endpoint', http, '--admin', admin, '--rate', '20', '--seed', '7', '--seconds', '120']
  return await run.start('node', [script, ...args], { ready: async started => started.pid > 0 })
}

function chromium(folder: string, args: readonly string[]) {
  const quiet = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', `--user-data-dir=${folder}`]
  return command('chromium', [...quiet, ...args], { withinMs: 120_000 })
}

/** What the browser made of the page, and what it had to say about it. */
async function dom(run: Run, admin: string): Promise<void> {
  const { stdout, stderr } = await chromium(await run.folder(), [
    '--enable-logging=stderr',
    '--v=0',
    '--dump-dom',
    `${admin}/?refresh=off`
  ])
  const complaints = stderr.split('\n').filter(line => /CONSOLE|Refused|violates/.test(line))
  run.check('the browser has nothing to complain about', complaints.length === 0, complaints.join('; '))
  run.check('there is a picture for each pipeline', stdout.match(/<ol class="flow">/g)?.length === 3)
  run.check('nothing is loaded from elsewhere', !/(src|href)="(https?:)?\/\//.test(stdout) && !/<script/.test(stdout))
  const labelled = [...stdout.matchAll(/aria-labelledby="(\w+)"/g)].every(([, id]) => stdout.includes(`id="${id}"`))
  run.check('sections are named for screen readers, the page has a language', labelled && stdout.includes('lang="en"'))
}

async function picture(run: Run, admin: string): Promise<void> {
  const file = join(await run.folder(), 'page.png')
  await chromium(await run.folder(), [
    `--window-size=${WIDTH},${HEIGHT}`,
    `--screenshot=${file}`,
    `${admin}/?refresh=off`
  ])
  const bytes = await readFile(file)
  run.same(
    'the picture has the size that was asked for',
    [bytes.readUInt32BE(16), bytes.readUInt32BE(20)],
    [WIDTH, HEIGHT]
  )
  // An empty page of this size has about 5 kB: a style sheet that is not applied, or no content, would show.
  const { size } = await stat(file)
  run.check(
    'something is on it, and it is small enough for the docs',
    size > PNG_MIN && size < PNG_MAX,
    `${size} bytes`
  )
  const keep = process.env['PAGE_SCREENSHOT']
  if (keep !== undefined) await copyFile(file, keep)
}
