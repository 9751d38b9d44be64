// The npm package as a user gets it: packed, installed into an empty folder, started with npx; and its list of parts (SBOM).

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cache, command, isUp, type Run } from './harness.js'
import { OWN_RE2, re2Environment } from './re2.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const INSTALL_LIMIT_MS = 10 * 60_000

export default async function run(run: Run): Promise<void> {
  const [from, to] = [await run.folder(), await emptyFolder(run)]
  const { stdout } = await command('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', from], {
    cwd: ROOT
  })
  const [packed] = Object.values(JSON.parse(stdout) as object) as [
    { filename: string; size: number; files: { path: string }[] }
  ]
  const paths = packed.files.map(({ path }) => path)
  const tests = paths.filter(path => /\.test\.|^dist\/(test|bench)\/|\.ts$/.test(path) && !path.endsWith('.d.ts'))
  run.check('the package holds no tests and no sources', tests.length === 0, tests.slice(0, 5).join(', '))
  for (const path of [
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'dist/services/ctl/main.js',
    'docs/configuration.md'
  ])
    run.check(`it holds ${path}`, paths.includes(path))
  await writeFile(join(to, 'package.json'), '{"name":"empty","private":true}')
  const env = Object.entries(await re2Environment(from, OWN_RE2, process.versions.modules)).map(entry =>
    entry.join('=')
  )
  await command(
    'env',
    [...env, 'npm', 'install', '--no-audit', '--no-fund', '--omit=dev', join(from, packed.filename)],
    {
      cwd: to,
      withinMs: INSTALL_LIMIT_MS
    }
  )
  await starts(run, to)
  await imports(run, to)
  await parts(run)
}

/** Not in the system's temporary folder: npx looks for programs in `node_modules` of every folder above. */
async function emptyFolder(run: Run): Promise<string> {
  const path = await mkdtemp(join(await cache('package'), 'empty-'))
  run.onEnd(() => rm(path, { recursive: true, force: true }))
  return path
}

async function starts(run: Run, cwd: string): Promise<void> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  const said = (await command('npx', ['--no-install', 'algoflow-gateway', '--version'], { cwd })).stdout.trim()
  run.same('npx algoflow-gateway --version', said, version)
  const free = [
    'receivers.otlp.protocols.grpc.endpoint',
    'receivers.otlp.protocols.http.endpoint',
    'service.telemetry.admin.endpoint'
  ]
  const config = join(cwd, 'gateway.yaml')
  await writeFile(config, 'processors: {redaction: {}}\nexporters: {debug: {}}\n')
  const sets = free.flatMap(key => ['--set', `${key}=127.0.0.1:0`])
  // The program itself: npx would not wait for it when it is told to stop.
  const program = join(cwd, 'node_modules/.bin/algoflow-gateway')
  const started = await run.start(program, ['start', '--config', config, ...sets], {
    cwd,
    ready: async one => one.output.includes('"msg":"ready"')
  })
  const admin = /"admin":"([^"]+)"/.exec(started.output)![1]!
  run.check('algoflow-gateway start is ready', await isUp(`${admin}/readyz`), admin)
  await started.stop(20_000)
  run.check('it stops when it is told', started.output.includes('"msg":"stopped'), started.output.slice(-200))
  run.check('its queue is in the folder', (await readdir(join(cwd, 'data'))).includes('queue'))
}

async function imports(run: Run, cwd: string): Promise<void> {
  for (const name of ['custom-exporter', 'custom-processor']) {
    const script = `const m = await import('algoflow-gateway/${name}'); console.log(Object.keys(m).length > 0)`
    const { stdout } = await command('node', ['--input-type=module', '-e', script], { cwd })
    run.same(`algoflow-gateway/${name} can be imported`, stdout.trim(), 'true')
  }
}

interface Sbom {
  readonly bomFormat: string
  readonly components: readonly {
    readonly group?: string
    readonly name: string
    readonly version: string
    readonly licenses?: readonly unknown[]
  }[]
}

/** Every dependency that the lock file ships is a component. */
async function parts(run: Run): Promise<void> {
  const { stdout } = await command('npm', ['run', '--silent', 'sbom'], { cwd: ROOT })
  const sbom = JSON.parse(stdout) as Sbom
  const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object }
  const names = new Set(sbom.components.map(({ group, name }) => (group === undefined ? name : `${group}/${name}`)))
  const missing = Object.keys(dependencies).filter(name => !names.has(name))
  run.check(
    'the SBOM is CycloneDX and names every dependency',
    sbom.bomFormat === 'CycloneDX' && missing.length === 0,
    `${sbom.components.length} components ${missing.join(', ')}`
  )
  // Binaries for other platforms are not installed here, so that npm does not know their licence: it is their package's.
  const isElsewhere = (name: string) => /-(darwin|linux|win32)-/.test(name)
  const bare = sbom.components.filter(({ licenses = [], name }) => licenses.length === 0 && !isElsewhere(name))
  run.check('every part has a licence', bare.length === 0, bare.map(({ name }) => name).join(', '))
}
