// The command line of the simulator.

import t from 'tap'
import { parseOptions } from './options.js'

function parse(...args: string[]) {
  let said = ''
  const say = (text: string) => {
    said += text
  }
  return { ...parseOptions(args, say, say), said }
}

t.test('shares are read as 3%, 3 % and 0.03', async t => {
  for (const text of ['3%', '3 %', '0.03']) t.equal(parse('--fail', text).options?.chances.fail, 0.03)
})

t.test('what is no number, share, time or pair is refused by name, with exit code 2', async t => {
  for (const [option, value] of [
    ['--fail', '300%'],
    ['--fail', '-1%'],
    ['--rate', '0'],
    ['--rate', 'fast'],
    ['--workflows', '1.5'],
    ['--from', 'yesterday'],
    ['--header', 'token'],
    ['--protocol', 'udp'],
    ['--colour', 'red']
  ] as const) {
    const { options, code, said } = parse(option, value)
    t.equal(options, undefined, `${option} ${value}`)
    t.equal(code, 2)
    t.match(said, option)
  }
})

t.test('the protocol follows the port', async t => {
  t.match(parse().options, { endpoints: ['http://localhost:4318'], protocol: 'http' })
  t.match(parse('--endpoint', 'localhost:4317').options, { protocol: 'grpc' })
  t.match(parse('--protocol', 'grpc').options, { endpoints: ['localhost:4317'] })
})

t.test('faster than time it needs an end', async t => {
  const { code, said } = parse('--speed', 'max')
  t.equal(code, 2)
  t.match(said, '--seconds')
  t.equal(parse('--speed', 'max', '--executions', '5').options?.speed, Number.POSITIVE_INFINITY)
})

t.test('without --seed every run has its own, and help is no error', async t => {
  t.not(parse().options?.seed, parse().options?.seed)
  t.equal(parse('--help').code, 0)
})
