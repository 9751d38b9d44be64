// A real Prometheus for scripts: installed when it is missing, on a free port, with the targets and rules it is given.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, freePort, getJson, has, isUp, type Run } from './harness.js'

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: readonly [number, string]
  readonly histogram?: readonly [number, { readonly count: string; readonly sum: string }]
}

export interface ServerOptions {
  /** `host:port` of pages to scrape, by job. */
  readonly targets: Readonly<Record<string, readonly string[]>>
  readonly features: readonly string[]
  /** Rule files. */
  readonly rules?: readonly string[]
}

/** prometheus and promtool on the path, by apt where they are missing. @throws what to install */
export async function installPrometheus(): Promise<void> {
  if ((await has('prometheus')) && (await has('promtool'))) return
  if (!(await has('apt-get'))) throw new Error('Prometheus is needed: install prometheus and promtool')
  await command('apt-get', ['update', '-qq'], { withinMs: 180_000 })
  await command('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'prometheus'], { withinMs: 300_000 })
}

/** Starts a server that scrapes and evaluates every second; its base URL. */
export async function startPrometheus(run: Run, { targets, features, rules = [] }: ServerOptions): Promise<string> {
  const folder = await run.folder()
  const base = `127.0.0.1:${await freePort()}`
  const file = join(folder, 'prometheus.yml')
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: rules,
    scrape_configs: Object.entries(targets).map(([job, all]) => ({
      job_name: job,
      honor_labels: true,
      static_configs: [{ targets: all }]
    }))
  }
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config))
  const args = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${base}`,
    '--web.enable-remote-write-receiver',
    `--enable-feature=${features.join(',')}`
  ]
  await run.start('prometheus', args, { ready: () => isUp(`http://${base}/-/ready`) })
  return `http://${base}`
}

/** What an expression gives now. @throws with Prometheus' words when it is no good */
export async function query(base: string, expression: string): Promise<readonly Series[]> {
  const { data } = await getJson<{ data: { result: readonly Series[] } }>(
    `${base}/api/v1/query?query=${encodeURIComponent(expression)}`
  )
  return data.result
}

/** The value of the first series. */
export async function value(base: string, expression: string): Promise<string | undefined> {
  return (await query(base, expression))[0]?.value?.[1]
}
