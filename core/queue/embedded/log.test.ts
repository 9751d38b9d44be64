// The contract over the embedded log, and what only it does: files, damage, full disks, its lock.
import { logContract } from '../../../test/contract/log.contract.js'
import { EmbeddedLog } from './log.js'

logContract('embedded', { open: (dir, maxBytes) => new EmbeddedLog({ dir, maxBytes }), durable: true })
logContract('embedded with tiny segments and no tail', {
  open: (dir, maxBytes) => new EmbeddedLog({ dir, maxBytes, segmentBytes: 200, tailBytes: 0 }),
  durable: true
})
