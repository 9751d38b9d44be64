// What a person at a terminal is told when the gateway runs.

import t from 'tap'
import { greeting } from './greeting.js'

const parts = {
  config: {
    queue: { type: 'embedded', path: './data/queue', maxBytes: 1, options: {} },
    exporters: new Map([
      ['debug', {}],
      ['file', {}]
    ])
  },
  admin: '[::1]:8888',
  listening: [
    { protocol: 'grpc', address: '127.0.0.1:4317' },
    { protocol: 'http', address: '0.0.0.0:4318' },
    { protocol: 'http', address: '10.0.0.7:4318' }
  ]
} as unknown as Omit<Parameters<typeof greeting>[0], 'file'>

t.test('addresses can be opened as they stand, and without a config file the next step is told', async t => {
  const text = greeting({ ...parts, file: undefined })
  t.match(text, 'takes OTLP  localhost:4317 (gRPC)   http://localhost:4318   http://10.0.0.7:4318\n')
  t.match(text, 'status      http://localhost:8888\n')
  t.match(text, 'sends to    debug, file\n')
  t.match(text, 'none: safe defaults, nothing leaves this machine')
  t.match(text, 'npm run demo')
})

t.test('with a config file it is named', async t => {
  const text = greeting({ ...parts, file: 'gateway.yaml' })
  t.match(text, 'config      gateway.yaml\n')
  t.notMatch(text, 'npm run demo')
})
