// The parking contract over both stores, and damage.
import * as fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parkingContract } from '../../test/contract/parking.contract.js'
import { openQueue } from './open.js'
import type { ParkingDamage } from './parking.js'

parkingContract('memory', {
  open: (_, now) => openQueue({ type: 'memory', maxBytes: 1e6, now }).parking,
  durable: false
})
parkingContract('embedded', {
  open: (path, now) => openQueue({ type: 'embedded', path, maxBytes: 1e6, now }).parking,
  durable: true
})

t.test('a damaged payload is set aside and told, the others stay', async t => {
  const path = t.testdir({})
  let { parking } = openQueue({ type: 'embedded', path, maxBytes: 1e6 })
  await parking.start()
  const letter = { exporter: 'x', stream: 's', attempts: 1, acceptedAt: 1, dueAt: 0, reason: 'r', dead: true }
  const first = await parking.park({ ...letter, items: 7, bytes: Buffer.from('first-payload') })
  await parking.park({ ...letter, items: 1, bytes: Buffer.from('second-payload') })
  flip(join(path, 'parking', 'log'), 'first-payload')
  const damage: ParkingDamage[] = []
  parking.onDamage(what => damage.push(what))
  t.equal(parking.get(first), undefined)
  t.match(damage, [{ id: first, exporter: 'x', items: 7, dead: true }])
  t.equal(parking.dead('x', undefined, 9).length, 1)
  t.match(parking.status(), [{ dead: 1, deadItems: 1 }])
  await parking.stop()
  parking = openQueue({ type: 'embedded', path, maxBytes: 1e6 }).parking
  await parking.start()
  t.equal(parking.dead('x', undefined, 9).length, 1)
  await parking.stop()
  flip(join(path, 'parking', 'log'), 'second-payload')
  parking = openQueue({ type: 'embedded', path, maxBytes: 1e6 }).parking
  await parking.start()
  damage.length = 0
  parking.onDamage(what => damage.push(what))
  t.match(damage, [{ items: 1, exporter: '' }], 'damage found at start is told to the first listener')
  t.same(parking.status(), [])
  await parking.stop()
})

function flip(dir: string, marker: string): void {
  for (const name of fs.readdirSync(dir)) {
    const bytes = fs.readFileSync(join(dir, name))
    const at = bytes.indexOf(marker)
    if (at < 0) continue
    bytes[at]! ^= 0xff
    fs.writeFileSync(join(dir, name), bytes)
  }
}
