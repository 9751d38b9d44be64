// The program behind `npm run demo`: hands arguments and signals to the demo and exits with its code.

import { demo } from './demo.js'
import { parseOptions } from './options.js'

const { options, code } = parseOptions(
  process.argv.slice(2),
  text => void process.stdout.write(text),
  text => void process.stderr.write(text)
)

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(130)
    stop.abort()
  })
}
const shell = {
  terminal: process.stdout,
  err: (text: string) => void process.stderr.write(text),
  stop: stop.signal
}
process.exitCode = options === undefined ? code : await demo(options, shell)
