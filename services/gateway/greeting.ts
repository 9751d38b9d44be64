// What a person at a terminal reads once the gateway runs: where things are, and what to do next.

import type { GatewayConfig } from '../../core/config/types.js'

export interface Greeting {
  readonly config: Pick<GatewayConfig, 'queue' | 'exporters'>
  /** The config file; undefined: the defaults run. */
  readonly file: string | undefined
  /** Address of the admin endpoint. */
  readonly admin: string
  readonly listening: readonly { readonly protocol: string; readonly address: string }[]
}

/** Some aligned lines, with an empty one before and behind. */
export function greeting({ config, file, admin, listening }: Greeting): string {
  const otlp = listening.map(({ protocol, address }) =>
    protocol === 'http' ? `http://${local(address)}` : `${local(address)} (gRPC)`
  )
  const { type, path } = config.queue
  const rows = [
    ['takes OTLP', otlp.join('   ')],
    ['status', `http://${local(admin)}`],
    ['queue', type === 'embedded' ? path : type],
    ['sends to', [...config.exporters.keys()].join(', ')],
    ['config', file ?? 'none: safe defaults, nothing leaves this machine. `node . explain` shows them']
  ]
  const lines = rows.filter(([, text]) => text !== '').map(([name, text]) => `  ${name!.padEnd(11)} ${text}`)
  const next = file === undefined ? 'Try it in another terminal: npm run demo. Ctrl-C stops.' : 'Ctrl-C stops.'
  return `\n${lines.join('\n')}\n\n  ${next}\n\n`
}

/** An address that a browser on this machine can open. */
function local(address: string): string {
  return address.replace(/^(0\.0\.0\.0|\[::1?\]|127\.0\.0\.1):/, 'localhost:')
}
