// `algoflow-gateway queue ...` as typed, run in this process.

import { runCli, type Shell } from '../../services/ctl/cli.js'
import { addQueueCommands } from '../../services/ctl/queue.js'
import { RECEIVERS } from '../../services/gateway/receivers/index.js'
import { registryWith } from '../../services/registry.js'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** @param admin endpoint of the gateway */
export async function queue(admin: string, ...args: string[]): Promise<Ran> {
  let out = ''
  let err = ''
  const shell: Shell = {
    out: text => void (out += text),
    err: text => void (err += text),
    env: {},
    version: 'test',
    registry: registryWith(RECEIVERS),
    start: async () => 1
  }
  const code = await runCli(['queue', ...args, '--admin', admin], shell, [addQueueCommands])
  return { code, out, err }
}
