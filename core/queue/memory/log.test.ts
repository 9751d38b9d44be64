// The contract over the log in memory.
import { logContract } from '../../../test/contract/log.contract.js'
import { MemoryLog } from './log.js'

logContract('memory', { open: (_dir, maxBytes) => new MemoryLog({ maxBytes }), durable: false })
