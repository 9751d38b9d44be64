// The contract over the embedded log, and what only it does: files, damage, full disks, its lock.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ALL, entry, logContract, readers, texts } from '../../../test/contract/log.contract.js'
import { codeOf } from '../../component/errors.js'
import { encodeFrame, type Frame } from './frame.js'
import { type Damage, EmbeddedLog, type EmbeddedLogOptions } from './log.js'

logContract('embedded', { open: (dir, maxBytes) => new EmbeddedLog({ dir, maxBytes }), durable: true })
logContract('embedded with tiny segments and no tail', {
  open: (dir, maxBytes) => new EmbeddedLog({ dir, maxBytes, segmentBytes: 200, tailBytes: 0 }),
  durable: true
})

const LANES = readers({ a: ['s'], b: ['s'] })

async function opened(t: Test, dir: string, options: Partial<EmbeddedLogOptions> = {}): Promise<EmbeddedLog> {
  const log = new EmbeddedLog({ dir, maxBytes: 64 << 20, ...options })
  await log.start()
  await log.cursors(LANES)
  t.teardown(() => log.stop())
  return log
}

function files(dir: string, folder = 'log'): string[] {
  return fs.existsSync(join(dir, folder)) ? fs.readdirSync(join(dir, folder)).sort() : []
}

function diskBytes(dir: string): number {
  return files(dir).reduce(
    (sum, name) => sum + (fs.statSync(join(dir, 'log', name), { throwIfNoEntry: false })?.size ?? 0),
    0
  )
}

/** Inverts one byte of the first segment that holds `marker`, `offset` bytes behind its begin. */
function flip(dir: string, marker: string, offset = 0): void {
  for (const name of files(dir)) {
    const path = join(dir, 'log', name)
    const bytes = fs.readFileSync(path)
    const at = bytes.indexOf(marker)
    if (at < 0) continue
    bytes[at + offset]! ^= 0xff
    fs.writeFileSync(path, bytes)
    return
  }
  throw new Error(`no segment holds ${marker}`)
}

function ackAll(log: EmbeddedLog): Promise<unknown> {
  return log.commit({
    acks: ['a', 'b'].map(cursor => ({ cursor, positions: log.read(cursor, 0, ALL).map(e => e.position) }))
  })
}

t.test('scrub: bytes of released entries leave every file, what is held stays, now and after a restart', async t => {
  const dir = t.testdir({})
  let now = 1_000
  const log = await opened(t, dir, { segmentBytes: 4096, idleMs: 3_600_000, now: () => now })
  const secret = (i: number) => `released-${i}.${'s'.repeat(200)}`
  const positions: number[] = []
  for (let i = 0; i < 60; i++) {
    now += 10
    const text = i % 10 === 0 ? `held-${i}.` : secret(i)
    positions.push(...(await log.commit({ appends: [entry('s', text)] })))
  }
  const gone = positions.filter((_, i) => i % 10 !== 0)
  await log.commit({ acks: ['a', 'b'].map(cursor => ({ cursor, positions: gone })) })
  const found = (what: string) =>
    files(dir).filter(name => fs.readFileSync(join(dir, 'log', name)).includes(Buffer.from(what))).length
  t.ok(found('released-') > 0, 'a release alone leaves bytes behind')
  await log.scrub(1_000)
  t.ok(found('released-') > 0, 'nothing is old enough')
  const some = found('released-')
  await log.scrub(1_300)
  t.ok(found('released-') < some || found('released-5') === 0, 'the old ones')
  await log.scrub(Number.POSITIVE_INFINITY)
  t.equal(found('released-'), 0)
  const held = Array.from({ length: 6 }, (_, i) => `held-${i * 10}.`)
  t.same(texts(log.read('a', 0, ALL)), held)
  await log.commit({ appends: [entry('s', 'new')] })
  await log.stop()
  const again = await opened(t, dir)
  t.same(texts(again.read('b', 0, ALL)), [...held, 'new'])
  t.equal(again.status().damagedEntries, 0)
})

t.test('scrub: what was set aside as damaged goes when it is old', async t => {
  const dir = t.testdir({ damaged: { 'entry-1.bin': 'x', 'entry-2.bin': 'y' } })
  const log = await opened(t, dir)
  const old = new Date(Date.now() - 10_000)
  fs.utimesSync(join(dir, 'damaged', 'entry-1.bin'), old, old)
  await log.scrub(Date.now() - 5_000)
  t.same(files(dir, 'damaged'), ['entry-2.bin'])
})

t.test('a flipped payload byte costs that entry only, counted, kept aside and told', async t => {
  const dir = t.testdir({})
  let log = await opened(t, dir)
  await log.commit({ appends: [entry('s', 'first-one'), entry('s', 'second-one', 5), entry('s', 'third-one')] })
  await log.stop()
  flip(dir, 'second-one')
  log = await opened(t, dir)
  const damage: Damage[] = []
  log.onDamage(what => damage.push(what))
  t.same(texts(log.read('a', 0, ALL)), ['first-one', 'third-one'])
  t.same(texts(log.read('b', 0, ALL)), ['first-one', 'third-one'])
  t.match(damage, [{ position: 2, items: 5, stream: 's' }])
  t.equal(damage.length, 1)
  t.equal(
    fs
      .readFileSync(join(dir, 'damaged', 'entry-2.bin'))
      .subarray(1)
      .toString(),
    'econd-one'
  )
  await log.commit({})
  t.equal(log.counts().get('dropped|a|s|damaged'), 5)
  t.equal(log.counts().get('dropped|b|s|damaged'), 5)
  await log.stop()
  log = await opened(t, dir)
  t.same(texts(log.read('a', 0, ALL)), ['first-one', 'third-one'])
  t.equal(log.status().damagedEntries, 1)
  await ackAll(log)
  t.equal(log.status().entries, 0)
})

t.test('a damaged frame head gives up its entries, counted by position, and keeps those behind it', async t => {
  const dir = t.testdir({})
  let log = await opened(t, dir)
  await log.commit({ appends: [entry('s', 'one')] })
  await log.commit({ appends: [entry('s', 'two', 3), entry('s', 'three', 4)] })
  await log.commit({ appends: [entry('s', 'four')] })
  await log.stop()
  flip(dir, 'twothree', -3)
  log = await opened(t, dir)
  const damage: Damage[] = []
  log.onDamage(what => damage.push(what))
  t.same(texts(log.read('a', 0, ALL)), ['one', 'four'])
  t.match(damage, [{ position: 2, items: 7, why: /2 entries/ }])
  t.equal(files(dir, 'damaged').length, 1)
  t.same(await log.commit({ appends: [entry('s', 'five')] }), [5])
})

t.test('without a readable snapshot everything in the files is delivered again rather than lost', async t => {
  const dir = t.testdir({})
  let log = await opened(t, dir)
  await log.commit({ appends: [entry('s', 'one'), entry('s', 'two')] })
  await log.commit({ acks: [{ cursor: 'a', positions: [1] }] })
  await log.stop()
  for (const name of files(dir)) {
    const path = join(dir, 'log', name)
    const bytes = fs.readFileSync(path)
    for (let at = bytes.indexOf('AFQ1'); at >= 0; at = bytes.indexOf('AFQ1', at + 1)) {
      if ((bytes[at + 12]! & 1) === 1) bytes[at + 20]! ^= 0xff
    }
    fs.writeFileSync(path, bytes)
  }
  log = await opened(t, dir)
  t.same(texts(log.read('a', 0, ALL)), ['one', 'two'])
  t.same(texts(log.read('b', 0, ALL)), ['one', 'two'])
  await ackAll(log)
  t.equal(log.status().entries, 0)
})

t.test('random flipped bytes anywhere never stop a start, nor a read, nor an append', async t => {
  const root = t.testdir({})
  let seed = 42
  const random = (below: number): number => (seed = (seed * 48271) % 0x7fffffff) % below
  for (let round = 0; round < 20; round++) {
    const dir = join(root, `${round}`)
    const log = new EmbeddedLog({ dir, maxBytes: 1e6, segmentBytes: 500 })
    await log.start()
    await log.cursors(LANES)
    for (let i = 0; i < 12; i++) await log.commit({ appends: [entry('s', `entry ${i} `.repeat(10))] })
    await log.stop()
    const victims = files(dir).filter(name => name.endsWith('.seg'))
    const path = join(dir, 'log', victims[random(victims.length)]!)
    const bytes = fs.readFileSync(path)
    for (let i = 0; i <= random(4); i++) bytes[random(bytes.length)]! ^= 1 << random(8)
    fs.writeFileSync(path, bytes)
    const again = new EmbeddedLog({ dir, maxBytes: 1e6, segmentBytes: 500 })
    await again.start()
    await again.cursors(LANES)
    const got = again.read('a', 0, ALL)
    t.ok(
      got.every(({ bytes }) => /^(entry \d+ )\1{9}$/.test(bytes.toString())),
      'what is read is whole'
    )
    await again.commit({ appends: [entry('s', 'new')] })
    await ackAll(again)
    t.equal(again.status().entries, 0)
    await again.stop()
  }
})

for (const [how, tear] of [
  ['the file ends in it', (path: string, end: number) => fs.truncateSync(path, end - 10)],
  ['zeros follow', (path: string, end: number) => zeroFrom(path, end - 10)]
] as const) {
  t.test(`a torn last frame is cut off without a word, it was never acknowledged: ${how}`, async t => {
    const dir = t.testdir({})
    const log = await opened(t, dir, { idleMs: 1e6 })
    await log.commit({ appends: [entry('s', 'whole')] })
    await log.commit({ appends: [entry('s', 'torn'.repeat(50))] })
    const copy = join(t.testdirName, '..', 'torn-copy')
    fs.rmSync(copy, { recursive: true, force: true })
    fs.cpSync(dir, copy, { recursive: true })
    t.teardown(() => fs.rmSync(copy, { recursive: true }))
    fs.rmSync(join(copy, 'lock'))
    const name = files(copy)
      .filter(name => name.endsWith('.seg'))
      .at(-1)!
    const path = join(copy, 'log', name)
    tear(path, fs.readFileSync(path).lastIndexOf('torn') + 4)
    const again = await opened(t, copy)
    const damage: Damage[] = []
    again.onDamage(what => damage.push(what))
    t.same(texts(again.read('a', 0, ALL)), ['whole'])
    t.same(damage, [])
    t.same(await again.commit({ appends: [entry('s', 'next')] }), [2])
  })
}

function zeroFrom(path: string, from: number): void {
  const bytes = fs.readFileSync(path)
  fs.writeFileSync(path, bytes.fill(0, from))
}

t.test('small commits go into a part of the file that is already on the disk', async t => {
  const dir = t.testdir({})
  const log = await opened(t, dir, { idleMs: 1e6 })
  const sizes = new Set<number>()
  for (let i = 0; i < 50; i++) {
    await log.commit({ appends: [entry('s', `entry ${i}`)] })
    const name = files(dir)
      .filter(name => name.endsWith('.seg'))
      .at(-1)!
    sizes.add(fs.statSync(join(dir, 'log', name)).size)
  }
  t.equal(sizes.size, 1)
})

t.test('a refused frame that reached the disk all the same does not come back', async t => {
  const dir = t.testdir({})
  let log = await opened(t, dir)
  await log.commit({ appends: [entry('s', 'one')] })
  await log.stop()
  const name = files(dir)
    .filter(name => name.endsWith('.seg'))
    .at(-1)!
  const path = join(dir, 'log', name)
  const segment = { id: Number(name.slice(0, 10)), salt: Number.parseInt(name.slice(11, 19), 16) }
  const ghost = { first: 2, time: 1, itemsBefore: 1, commits: [{ appends: [entry('s', 'ghost')] }] }
  const append = ({ head, payloads }: Frame): Buffer => Buffer.concat([head, ...payloads])
  fs.appendFileSync(path, append(encodeFrame({ ...ghost, segment })))
  const next = { id: segment.id + 1, salt: 7 }
  const lanes = ['a', 'b'].map(cursor => ({ cursor, stream: 's', low: 0, sparse: [] }))
  const snapshot = encodeFrame({ segment: next, first: 2, time: 1, itemsBefore: 1, commits: [], snapshot: lanes })
  const real = encodeFrame({ ...ghost, segment: next, commits: [{ appends: [entry('s', 'real')] }] })
  const file = join(dir, 'log', `${String(next.id).padStart(10, '0')}-00000007.seg`)
  fs.writeFileSync(file, Buffer.concat([append(snapshot), append(real)]))
  log = await opened(t, dir)
  t.same(texts(log.read('a', 0, ALL)), ['one', 'real'])
  t.same(texts(log.read('a', 1, ALL)), ['real'])
  t.equal(log.get(2)?.bytes.toString(), 'real')
  t.match(log.status(), { entries: 2, bytes: 7, damagedEntries: 0 })
  t.same(await log.commit({ appends: [entry('s', 'three')] }), [3])
})

t.test('a damaged entry that only a hold keeps is told once and given up', async t => {
  const dir = t.testdir({})
  const log = await opened(t, dir, { tailBytes: 0 })
  log.hold('window', 1)
  await log.commit({ appends: [entry('s', 'held-entry', 3)] })
  await ackAll(log)
  const damage: Damage[] = []
  log.onDamage(what => damage.push(what))
  flip(dir, 'held-entry')
  t.equal(log.get(1), undefined)
  t.equal(log.get(1), undefined)
  t.match(damage, [{ position: 1, items: 3 }])
  t.equal(log.status().bytes, 0)
})

t.test('a hold lasts over a restart; without its owner it ends after a minute', async t => {
  const dir = t.testdir({})
  let now = 0
  let log = await opened(t, dir)
  log.hold('window', 1)
  await log.commit({ appends: [entry('s', 'held')] })
  await ackAll(log)
  await log.stop()
  log = await opened(t, dir, { now: () => now, idleMs: 1e6 })
  t.equal(log.get(1)?.bytes.toString(), 'held')
  now = 59_000
  await log.tidy()
  t.ok(log.get(1))
  now = 61_000
  await log.tidy()
  t.equal(log.get(1), undefined)
})

t.test('files go when their entries went, one is kept for reuse, and after a drain the disk is given back', async t => {
  const dir = t.testdir({})
  const log = await opened(t, dir, { segmentBytes: 1 << 20, idleMs: 1e6 })
  const mib = 'x'.repeat(1 << 20)
  for (let i = 0; i < 8; i++) await log.commit({ appends: [entry('s', mib)] })
  t.ok(diskBytes(dir) > 8 << 20, 'a backlog is on disk')
  await ackAll(log)
  await log.commit({ appends: [entry('s', 'small')] })
  await log.tidy()
  t.ok(diskBytes(dir) < 4 << 20, 'a segment and a spare are left')
  for (let i = 0; i < 20; i++) {
    await log.commit({ appends: [entry('s', mib)] })
    await ackAll(log)
  }
  await log.commit({})
  t.ok(diskBytes(dir) < 5 << 20, 'steady work needs two or three')
  await log.tidy()
  t.ok(diskBytes(dir) < 3 << 20, 'idle and drained: a small file and the reserve')
  t.equal(log.status().bytes, 0)
})

t.test('one slow reader does not keep whole files: what others are done with leaves the disk', async t => {
  const dir = t.testdir({})
  let log = await opened(t, dir, { segmentBytes: 1 << 20, tailBytes: 0, idleMs: 1e6 })
  const kept: string[] = []
  for (let i = 0; i < 400; i++) {
    const text = `${i} `.padEnd(100_000, '.')
    await log.commit({ appends: [entry('s', text)] })
    const slow = i % 50 === 7 ? [] : [i + 1]
    if (slow.length === 0) kept.push(text)
    await log.commit({
      acks: [
        { cursor: 'a', positions: [i + 1] },
        { cursor: 'b', positions: slow }
      ]
    })
  }
  t.ok(diskBytes(dir) < 6 << 20, `${diskBytes(dir)} bytes for ${log.status().bytes} held`)
  t.same(texts(log.read('b', 0, ALL)), kept)
  await log.stop()
  log = await opened(t, dir, { segmentBytes: 1 << 20 })
  t.same(texts(log.read('b', 0, ALL)), kept)
  t.match(log.status(), { entries: 8, damagedEntries: 0 })
  t.same(await log.commit({ appends: [entry('s', 'next')] }), [401])
})

t.test('the space of a file that was rewritten is written again, and what was live in it stays', async t => {
  const dir = t.testdir({})
  const options = { segmentBytes: 1 << 20, tailBytes: 0, idleMs: 1e6 }
  let log = await opened(t, dir, options)
  // Open, so that no number of a file is given again.
  const files = new Map<number, number>()
  t.teardown(() => files.forEach(fd => void fs.closeSync(fd)))
  const kept: string[] = []
  for (let i = 0; i < 200; i++) {
    const text = `${i} `.padEnd(i % 10 === 7 ? 1000 : 100_000, '.')
    await log.commit({ appends: [entry('s', text)] })
    if (i % 10 === 7) kept.push(text)
    await log.commit({
      acks: ['a', 'b'].map(cursor => ({ cursor, positions: i % 10 === 7 && cursor === 'b' ? [] : [i + 1] }))
    })
    for (const name of fs.readdirSync(join(dir, 'log'))) {
      const path = join(dir, 'log', name)
      const { ino, size } = fs.statSync(path)
      if (size >= 1 << 20 && !files.has(ino)) files.set(ino, fs.openSync(path, 'r'))
    }
  }
  t.ok(files.size <= 6, `${files.size} large files were made for 18 segments`)
  t.same(texts(log.read('b', 0, ALL)), kept)
  await log.stop()
  log = await opened(t, dir, options)
  t.same(texts(log.read('b', 0, ALL)), kept)
  t.match(log.status(), { entries: kept.length, damagedEntries: 0 })
})

t.test('a spare file that is still a segment is not written: a kill came between its two names', async t => {
  const dir = t.testdir({})
  let log = await opened(t, dir)
  await log.commit({ appends: [entry('s', 'held')] })
  await log.stop()
  const [segment] = fs.readdirSync(join(dir, 'log')).sort()
  fs.linkSync(join(dir, 'log', segment!), join(dir, 'log', 'spare'))
  for (let i = 0; i < 2; i++) {
    log = await opened(t, dir)
    t.same(texts(log.read('a', 0, ALL)), ['held'])
    await log.stop()
  }
})

t.test('what is read once leaves the memory and stays in the log', async t => {
  const dir = t.testdir({})
  const log = await opened(t, dir)
  await log.commit({ appends: [entry('s', 'note')] })
  const [first] = log.read('a', 0, { ...ALL, isOnce: true })
  const [second] = log.read('a', 0, ALL)
  t.equal(second?.bytes.toString(), 'note')
  t.not(second?.bytes, first?.bytes, 'from the disk')
  t.match(log.status(), { entries: 1, damagedEntries: 0 })
})

t.test('a directory in use is refused also to another process, and free again after its kill -9', async t => {
  const dir = t.testdir({})
  const script = `
    import { EmbeddedLog } from ${JSON.stringify(new URL('./log.js', import.meta.url).href)}
    const log = new EmbeddedLog({ dir: ${JSON.stringify(dir)}, maxBytes: 1e6 })
    await log.start()
    console.log('open')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const log = new EmbeddedLog({ dir, maxBytes: 1e6 })
  const error = await log.start().catch((error: Error) => error)
  t.equal(codeOf(error), 'QUEUE_IN_USE')
  t.match((error as Error).message, new RegExp(`process ${child.pid}`))
  child.kill('SIGKILL')
  await once(child, 'exit')
  await log.start()
  t.same(await log.commit({ appends: [entry('s', 'x')] }), [1])
  await log.stop()
})

t.test('a place that cannot be a directory is refused with what to do', async t => {
  const dir = t.testdir({ file: 'not a directory' })
  const log = new EmbeddedLog({ dir: join(dir, 'file', 'queue'), maxBytes: 1e6 })
  const error = await log.start().catch((error: Error) => error)
  t.equal(codeOf(error), 'QUEUE_NOT_WRITABLE')
  t.match((error as Error).message, /queue\.path/)
})

const isRoot = process.getuid?.() === 0
t.test('a read-only directory is refused with what to do', { skip: isRoot && 'root may write anywhere' }, async t => {
  const dir = t.testdir({ queue: {} })
  fs.chmodSync(join(dir, 'queue'), 0o500)
  const log = new EmbeddedLog({ dir: join(dir, 'queue'), maxBytes: 1e6 })
  t.equal(codeOf(await log.start().catch((error: Error) => error)), 'QUEUE_NOT_WRITABLE')
})

t.test('a full disk refuses appends, takes acks, and works again without restart', { skip: !isRoot }, async t => {
  const dir = t.testdir({})
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', dir])
  if (mounted.status !== 0) {
    t.pass('no mounts here')
    return
  }
  try {
    await fullDisk(t, dir)
  } finally {
    spawnSync('umount', ['-l', dir])
  }
})

async function fullDisk(t: Test, dir: string): Promise<void> {
  const log = new EmbeddedLog({ dir, maxBytes: 64 << 20, segmentBytes: 1 << 20, tailBytes: 0, idleMs: 1e6 })
  await log.start()
  await log.cursors(LANES)
  await log.tidy()
  const kept: number[] = []
  let error: unknown
  while (error === undefined) {
    await log
      .commit({ appends: [entry('s', `${kept.length} `.padEnd(300_000, '.'))], counts: new Map([['n', 1]]) })
      .then(
        ([position]) => kept.push(position!),
        (reason: unknown) => (error = reason)
      )
  }
  t.equal(codeOf(error), 'QUEUE_DISK_FULL')
  t.match((error as Error).message, /no restart/)
  t.ok(kept.length > 10, `${kept.length} fitted`)
  t.equal(log.counts().get('n'), kept.length)
  fs.writeFileSync(join(dir, 'filler'), '')
  fill(join(dir, 'filler'))
  t.equal(codeOf(await log.commit({ appends: [entry('s', 'y'.repeat(300_000))] }).catch(e => e)), 'QUEUE_DISK_FULL')
  const entries = log.read('a', 0, ALL)
  t.same(entries.map(({ position }) => position), kept) // biome-ignore format: short
  for (const { position } of entries) {
    await log.commit({ acks: ['a', 'b'].map(cursor => ({ cursor, positions: [position] })) })
  }
  await log.tidy()
  t.same(await log.commit({ appends: [entry('s', 'z'.repeat(1 << 20))] }), [kept.length + 1], 'acks made room')
  await log.stop()
  const again = new EmbeddedLog({ dir, maxBytes: 64 << 20 })
  await again.start()
  t.same(again.read('a', 0, ALL).map(({ bytes }) => bytes.length), [1 << 20]) // biome-ignore format: short
  t.equal(again.counts().get('n'), kept.length)
  t.equal(again.status().damagedEntries, 0)
  await again.stop()
}

function fill(path: string): void {
  try {
    for (;;) fs.appendFileSync(path, Buffer.alloc(4096))
  } catch {
    // Full, as wished.
  }
}

t.test(
  'an owner that ended is gone, also while its parent has not asked after it',
  { skip: !fs.existsSync('/proc/self/stat') && 'needs /proc' },
  async t => {
    // The shell becomes a program that never asks after the child it started before.
    const parent = spawn('sh', ['-c', 'sleep 1000 & echo $!; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'ignore'] })
    t.teardown(() => parent.kill('SIGKILL'))
    const pid = Number(String((await once(parent.stdout, 'data'))[0]))
    const fieldsOf = (id: number) => {
      const stat = fs.readFileSync(`/proc/${id}/stat`, 'utf8')
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    }
    const dir = t.testdir({})
    const own = await opened(t, dir)
    const owner = JSON.parse(fs.readFileSync(join(dir, 'lock'), 'utf8'))
    await own.stop()
    fs.writeFileSync(join(dir, 'lock'), JSON.stringify({ ...owner, pid, started: fieldsOf(pid)[19] }))
    await t.rejects(new EmbeddedLog({ dir, maxBytes: 1 << 20 }).start(), { code: 'QUEUE_IN_USE' }, 'while it lives')
    process.kill(pid, 'SIGKILL')
    while (fieldsOf(pid)[0] !== 'Z') await new Promise(resolve => setImmediate(resolve))
    await opened(t, dir)
  }
)
