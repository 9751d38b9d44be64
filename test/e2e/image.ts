// The image's steps without Docker: the Dockerfile's own RUN and COPY lines in an empty root that holds nothing else but Node 24 and
// the libraries it is linked with, then its ENTRYPOINT and CMD there as the user it names, who may write to the volume and /tmp only.

import { chmod, chown, copyFile, cp, mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Instruction, isIgnored, stagesOf } from './dockerfile.js'
import { command, getJson, isUp, type Run, type Started } from './harness.js'
import { NODE24, node24 } from './node24.js'
import { keepRe2, keptRe2, re2Environment } from './re2.js'

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url))
const STEP_LIMIT_MS = 20 * 60_000
const GRACE_MS = 20_000
const FREE_PORTS = [
  'service.telemetry.admin.endpoint',
  'receivers.otlp.protocols.grpc.endpoint',
  'receivers.otlp.protocols.http.endpoint'
]

export default async function run(run: Run): Promise<void> {
  const stages = stagesOf(await readFile(join(REPOSITORY, 'Dockerfile'), 'utf8'))
  const node = await node24()
  const base = await run.folder()
  const build = join(base, 'build')
  await mkdir(build)
  await buildStage(stages.get('build')!, build, node)
  await keepRe2(build, node)
  const root = join(base, 'root')
  await emptyRoot(root, join(node, 'bin/node'))
  const last = [...stages.get('app')!, ...stages.get('gateway')!]
  await finalStage(last, build, root)
  await writesOnlyWhereItMay(run, root, userOf(last))
  run.check(
    'the image holds no tests',
    !(await exists(join(root, 'app/dist/test'))),
    `${await megabytes(root)} MB with Node`
  )
  await starts(run, last, root)
}

/** COPY from the context and RUN, in a folder in place of /app; packages of the system are taken from this machine. */
async function buildStage(stage: readonly Instruction[], to: string, node: string): Promise<void> {
  const context = `${to}-context`
  const files = await copyContext(context)
  for (const { word, text } of stage) {
    if (word === 'COPY') {
      const from = text.split(/\s+/).slice(0, -1)
      const isMeant = (path: string) => from.some(one => one === '.' || path === one || path.startsWith(`${one}/`))
      await copyAll(context, files.filter(isMeant), to)
    }
    if (word === 'RUN' && !text.startsWith('apt-get')) {
      const path = `${join(node, 'bin')}:${process.env['PATH']}`
      const abi = (await command(join(node, 'bin/node'), ['-p', 'process.versions.modules'])).stdout.trim()
      const re2 = Object.entries(await re2Environment(node, keptRe2(node), abi)).map(entry => entry.join('='))
      await command('env', [`PATH=${path}`, `npm_config_nodedir=${node}`, ...re2, 'nice', 'sh', '-c', text], {
        cwd: to,
        withinMs: STEP_LIMIT_MS
      })
    }
  }
}

/** What Docker would be sent, as it is now: the tree may change while the steps run. */
async function copyContext(to: string): Promise<readonly string[]> {
  const { stdout } = await command('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: REPOSITORY
  })
  const ignore = (await readFile(join(REPOSITORY, '.dockerignore'), 'utf8')).split('\n')
  const files = stdout.split('\n').filter(path => path !== '' && !isIgnored(path, ignore))
  await copyAll(REPOSITORY, files, to)
  return files
}

async function copyAll(from: string, files: readonly string[], to: string): Promise<void> {
  for (const path of files) {
    await mkdir(dirname(join(to, path)), { recursive: true })
    await copyFile(join(from, path), join(to, path))
  }
}

/** Node, what it is linked with, and the places that every image has. */
async function emptyRoot(root: string, node: string): Promise<void> {
  for (const folder of ['usr/local/bin', 'tmp', 'proc', 'dev', 'etc'])
    await mkdir(join(root, folder), { recursive: true })
  await chmod(join(root, 'tmp'), 0o1777)
  await copyFile(node, join(root, 'usr/local/bin/node'))
  const { stdout } = await command('ldd', [node])
  for (const [, library] of stdout.matchAll(/(\/\S+\.so[.\d]*)/g)) {
    await mkdir(dirname(join(root, library!)), { recursive: true })
    await copyFile(await realpath(library!), join(root, library!))
  }
  for (const device of ['null', 'urandom', 'random'])
    await command('cp', ['-a', `/dev/${device}`, join(root, 'dev', device)])
  await writeFile(join(root, 'etc/hosts'), '127.0.0.1 localhost\n')
}

async function finalStage(stage: readonly Instruction[], build: string, root: string): Promise<void> {
  for (const { word, text } of stage) {
    if (word === 'COPY') {
      const parts = text.split(/\s+/).filter(part => !part.startsWith('--'))
      const to = parts.at(-1)!
      for (const from of parts.slice(0, -1)) {
        const isStage = text.startsWith('--from=build')
        const source = isStage ? join(build, from.replace(/^\/app\/?/, '')) : join(REPOSITORY, from)
        const target = join(root, to, to.endsWith('/') ? from.split('/').at(-1)! : '')
        await mkdir(dirname(target), { recursive: true })
        await cp(source, target, { recursive: true })
      }
    }
    const owned = word === 'RUN' ? /mkdir -p (\S+) && chown (\d+):(\d+) \1/.exec(text) : null
    if (owned !== null) {
      await mkdir(join(root, owned[1]!), { recursive: true })
      await chown(join(root, owned[1]!), Number(owned[2]), Number(owned[3]))
    } else if (word === 'RUN') {
      await command('sh', ['-c', text.replaceAll(/(^|\s)\/(app|var)\//g, `$1${root}/$2/`)])
    }
  }
}

function userOf(stage: readonly Instruction[]): string {
  return stage.findLast(({ word }) => word === 'USER')!.text
}

/** Everything in the root belongs to root, and nobody else may write, but in the volume and /tmp. */
async function writesOnlyWhereItMay(run: Run, root: string, user: string): Promise<void> {
  await command('chown', ['-R', '-h', 'root:root', join(root, 'app'), join(root, 'usr'), join(root, 'etc')])
  await command('chmod', ['-R', 'go-w', join(root, 'app'), join(root, 'usr'), join(root, 'etc')])
  const [uid] = user.split(':')
  const { stdout } = await command('find', [root, '-writable', '!', '-type', 'l', '!', '-type', 'c', '-uid', uid!])
  const places = stdout
    .split('\n')
    .filter(path => path !== '')
    .map(path => path.slice(root.length))
  run.same('the user owns only the volume', places, ['/var/lib/algoflow-gateway'])
}

async function starts(run: Run, stage: readonly Instruction[], root: string): Promise<void> {
  const user = userOf(stage)
  const started = await enter(run, stage, root, user)
  const admin = /"admin":"([^"]+)"/.exec(started.output)![1]!
  run.check('it starts in the empty root and is healthy', await isUp(`${admin}/healthz`), admin)
  run.check('it is ready', (await getJson<{ ready: boolean }>(`${admin}/readyz`)).ready)
  const page = await (await fetch(`${admin}/metrics`)).text()
  run.check('it runs on the Node of the image', page.includes(`node="${NODE24}"`), NODE24)
  const status = await readFile(`/proc/${started.pid}/status`, 'utf8')
  run.check('it runs as the user of the image', new RegExp(`Uid:\\s+${user.split(':')[0]}\\b`).test(status), user)
  const before = Date.now()
  await started.stop(GRACE_MS)
  const ms = Date.now() - before
  run.check('SIGTERM stops it within its grace', started.output.includes('"msg":"stopped'), `${ms} ms`)
}

/** ENTRYPOINT and CMD in WORKDIR; `chroot` keeps the process id through its exec, so what is started is the gateway itself. */
async function enter(run: Run, stage: readonly Instruction[], root: string, user: string): Promise<Started> {
  const last = (word: string) => stage.findLast(one => one.word === word)!.text
  const [node, ...args] = [...(JSON.parse(last('ENTRYPOINT')) as string[]), ...(JSON.parse(last('CMD')) as string[])]
  const workdir = `data:text/javascript,process.chdir(${JSON.stringify(last('WORKDIR'))})`
  const sets = FREE_PORTS.flatMap(key => ['--set', `${key}=127.0.0.1:0`])
  const line = ['--userspec', user, root, `/usr/local/bin/${node}`, '--import', workdir, ...args, ...sets]
  return await run.start('chroot', line, {
    ready: async started => started.output.includes('"msg":"ready"'),
    withinMs: 60_000
  })
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false
  )
}

async function megabytes(path: string): Promise<number> {
  const { stdout } = await command('du', ['-sm', path])
  return Number.parseInt(stdout, 10)
}
