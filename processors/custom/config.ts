// Options of the `custom` processor.

import { type Static, Type } from 'typebox'

export const schema = Type.Object(
  {
    module: Type.String({
      minLength: 1,
      description: 'Path of the processor’s module (ES module, .mjs or .js), from the working directory when relative.',
      examples: ['./my-processor.mjs']
    }),
    config: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: 'The module’s own settings, checked against the schema that it exports.',
      examples: [{ keys: ['user.name'] }]
    })
  },
  { additionalProperties: false }
)

export type CustomConfig = Static<typeof schema>
