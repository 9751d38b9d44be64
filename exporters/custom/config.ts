// Options of the `custom` exporter.

import { type Static, Type } from 'typebox'
import { byteSize, duration } from '../../core/config/fields.js'

export const schema = Type.Object(
  {
    module: Type.String({
      minLength: 1,
      description: 'Path of the exporter’s module (ES module, .mjs or .js), from the working directory when relative.',
      examples: ['./my-exporter.mjs']
    }),
    config: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: 'The module’s own settings, checked against the schema that it exports.',
      examples: [{ url: 'http://localhost:9000/ingest' }]
    }),
    encoding: Type.Optional(
      Type.Literal('algoflow_json', {
        description:
          "The module gets log records as text: AlgoFlow's JSON lines, one record a line (docs/logs.md). Traces and metrics as it asks."
      })
    ),
    env: Type.Array(Type.String(), {
      default: [],
      description: 'Environment variables that the module may see. It sees no others.',
      examples: [['HOME', 'MY_TOKEN']]
    }),
    memory_limit: byteSize({
      default: '128MiB',
      description:
        'Memory of the worker: its heap, and its buffers outside of the heap. Beyond it the worker is replaced.'
    }),
    start_timeout: duration({
      default: '10s',
      description: 'Time to load the module and finish its `start`.'
    }),
    send_timeout: duration({
      default: '30s',
      description: 'Time one `send` may take. Beyond it the worker is replaced and the batch is sent again later.'
    }),
    max_request_items: Type.Integer({ default: 8192, minimum: 1, description: 'Items in one call of `send` at most.' }),
    max_request_bytes: byteSize({ default: '4MiB', description: 'Encoded bytes in one call of `send` at most.' })
  },
  { additionalProperties: false }
)

export type CustomConfig = Static<typeof schema>
