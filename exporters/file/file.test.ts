import { appendFile, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ExporterDeclaration } from '../../core/component/exporter.js'
import { configOf } from '../../core/config/check.js'
import { inflate } from '../../core/net/compression.js'
import { numbered, numbersIn, range } from '../../test/helpers/delivery.js'
import { exporterOf, never } from '../../test/helpers/exporter.js'
import { until } from '../../test/helpers/gateway-process.js'
import { ManualClock } from '../../test/helpers/receiver.js'
import { validate } from './config.js'
import file from './index.js'

const make = (t: Test, config: object, clock?: ManualClock) =>
  exporterOf(t, file as ExporterDeclaration, config, clock as never)
const batch = (first: number, items = 1) => ({ signal: 'traces' as const, bytes: numbered(first, items), items })

t.test('each line is one OTLP/JSON export request, as the Collector writes them', async t => {
  const path = join(t.testdir(), 'deep', 'er', 'out.json')
  const exporter = await make(t, { path })
  await exporter.send(batch(0, 2), never)
  await exporter.send({ signal: 'logs', bytes: numbered(2, 1, 'logs'), items: 1 }, never)
  await exporter.send({ signal: 'metrics', bytes: numbered(3, 1, 'metrics'), items: 1 }, never)
  const lines = (await readFile(path, 'utf8')).split('\n')
  t.equal(lines.pop(), '')
  t.match(
    lines.map(line => JSON.parse(line)),
    [
      { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'item-0;' }, { name: 'item-1;' }] }] }] },
      { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: 'item-2;' } }] }] }] },
      { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'item-3;' }] }] }] }
    ]
  )
})

t.test('a restart appends, and cuts off a line that a crash left torn', async t => {
  const path = join(t.testdir(), 'out.json')
  const first = await make(t, { path })
  await first.send(batch(0), never)
  await first.stop?.()
  await appendFile(path, '{"resourceSpans":[{"scopeSp')
  const second = await make(t, { path })
  await second.send(batch(1), never)
  const lines = (await readFile(path, 'utf8')).trim().split('\n')
  t.same(
    lines.map(line => numbersIn(Buffer.from(line)).length > 0 && JSON.parse(line) && numbersIn(Buffer.from(line))),
    [[0], [1]]
  )
})

t.test('the file is rotated before it grows beyond its limit; old files go by number and by age', async t => {
  const dir = t.testdir()
  const path = join(dir, 'out.json')
  const clock = new ManualClock()
  const exporter = await make(t, { path, rotation: { max_megabytes: 0.001, max_backups: 3 } }, clock)
  for (let i = 0; i < 100; i++) {
    await exporter.send(batch(i), never)
    clock.move(1000)
  }
  const names = (await readdir(dir)).sort()
  t.equal(names.length, 4)
  for (const name of names) t.ok((await stat(join(dir, name))).size <= 1000, name)
  t.ok(
    names.filter(name => /^out-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}(-\d+)?\.json$/.test(name)).length === 3,
    names.join()
  )
  const kept = (await Promise.all(names.map(name => readFile(join(dir, name)))))
    .flatMap(numbersIn)
    .sort((a, b) => a - b)
  t.same(kept, range(100 - kept.length, kept.length), 'the newest are kept, none twice')
})

t.test('rotated files older than max_days are removed, other files are not touched', async t => {
  const dir = t.testdir({
    'out-2020-01-01T00-00-00.000.json': 'old',
    'out-notes.json': 'mine',
    'other-2020-01-01T00-00-00.000.json': 'mine'
  })
  const clock = new ManualClock()
  const old = new Date(clock.now() - 10 * 86_400_000)
  for (const name of await readdir(dir)) await utimes(join(dir, name), old, old)
  await make(t, { path: join(dir, 'out.json'), rotation: { max_days: 7 } }, clock)
  t.same((await readdir(dir)).sort(), ['other-2020-01-01T00-00-00.000.json', 'out-notes.json', 'out.json'])
})

t.test(
  'with max_days nothing stays much longer, however little is written and whether anything more comes',
  async t => {
    const dir = t.testdir()
    const clock = new ManualClock()
    clock.move(Date.now() - clock.now())
    const exporter = await make(t, { path: join(dir, 'out.json'), rotation: { max_days: 7 } }, clock)
    const kept = async () => {
      const files = await Promise.all((await readdir(dir)).map(name => readFile(join(dir, name))))
      return files.flatMap(numbersIn).sort((a, b) => a - b)
    }
    await exporter.send(batch(0), never)
    clock.move(25 * 3_600_000)
    await until('the file to be renamed', async () => (await readdir(dir)).length === 2)
    await exporter.send(batch(1), never)
    t.same(await kept(), [0, 1])
    clock.move(7 * 86_400_000)
    await until('the first to be gone', async () => !(await kept()).includes(0))
    clock.move(86_400_000)
    await until('all to be gone', async () => (await kept()).length === 0)
    await exporter.send(batch(2), never)
    t.same(await kept(), [2], 'and it goes on')
  }
)

t.test('two rotations at the same time of day lose nothing', async t => {
  const dir = t.testdir()
  const exporter = await make(
    t,
    { path: join(dir, 'out.json'), rotation: { max_megabytes: 0.0001, max_backups: 0 } },
    new ManualClock()
  )
  for (let i = 0; i < 10; i++) await exporter.send(batch(i), never)
  const files = await Promise.all((await readdir(dir)).map(name => readFile(join(dir, name))))
  t.same(
    files.flatMap(numbersIn).sort((a, b) => a - b),
    range(0, 10)
  )
})

t.test('proto records stand behind their length', async t => {
  const path = join(t.testdir(), 'out.pb')
  const exporter = await make(t, { path, format: 'proto' })
  await exporter.send(batch(0, 3), never)
  await exporter.send(batch(3, 1), never)
  t.same(records(await readFile(path)), [numbered(0, 3), numbered(3, 1)])
})

t.test('zstd records stand behind their length', async t => {
  const path = join(t.testdir(), 'out.json.zst')
  const exporter = await make(t, { path, compression: 'zstd' })
  await exporter.send(batch(0, 3), never)
  const [record] = records(await readFile(path))
  t.same(numbersIn(await inflate('zstd', record!, 1 << 20)), [0, 1, 2])
})

t.test('a full disk is a retry, and writing goes on once there is room', async t => {
  const exists = await stat('/dev/full').then(
    () => true,
    () => false
  )
  if (!exists) {
    t.comment('no /dev/full on this system')
    return
  }
  const dir = t.testdir()
  await symlink('/dev/full', join(dir, 'out.json'))
  const exporter = await make(t, { path: join(dir, 'out.json') })
  t.match(await exporter.send(batch(0), never), {
    kind: 'retry',
    cause: { code: 'FILE_NOT_WRITTEN', message: /ENOSPC/ }
  })
})

t.test('a path that cannot be opened is said at start, with what to do', async t => {
  const dir = t.testdir({ taken: 'a file' })
  await t.rejects(make(t, { path: join(dir, 'taken', 'out.json') }), {
    code: 'FILE_NOT_OPEN',
    message: /Check the path/
  })
  await mkdir(join(dir, 'folder'))
  await t.rejects(make(t, { path: join(dir, 'folder') }), { code: 'FILE_NOT_OPEN' })
})

t.test('many sends at once share writes, and all are there when they are told so', async t => {
  const path = join(t.testdir(), 'out.json')
  const exporter = await make(t, { path })
  await Promise.all(range(0, 200).map(i => exporter.send(batch(i), never)))
  t.equal(numbersIn(await readFile(path)).length, 200)
})

t.test('a file of someone else without any line end is kept', async t => {
  const dir = t.testdir()
  const path = join(dir, 'out.json')
  await writeFile(path, `${'x'.repeat(100)}\n`)
  const exporter = await make(t, { path })
  await exporter.send(batch(0), never)
  t.match(await readFile(path, 'utf8'), /^x{100}\n\{/)
  await rm(path)
})

t.test('a path that is a folder is refused by validate', t => {
  t.match(validate(configOf(file.schema, { path: 'data/' })), [{ path: 'path' }])
  t.same(validate(configOf(file.schema, { path: 'data/out.json' })), [])
  t.end()
})

function records(bytes: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    found.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return found
}
