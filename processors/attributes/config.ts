// Settings of `attributes`: the Collector's actions, and `rename`.

import { type Static, Type } from 'typebox'

const value = Type.Union([Type.String(), Type.Number(), Type.Boolean()], {
  description: 'The value to set. For `insert`, `update`, `upsert`.'
})

export const action = Type.Object(
  {
    key: Type.String({ minLength: 1, description: 'The attribute it is about.', examples: ['deployment.environment'] }),
    action: Type.Union(
      ['insert', 'update', 'upsert', 'delete', 'rename'].map(name => Type.Literal(name)),
      {
        description:
          '`insert` adds it where it is missing, `update` sets it where it is there, `upsert` sets it always, `delete` removes it, `rename` gives it the key `new_key`.'
      }
    ),
    value: Type.Optional(value),
    from_attribute: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Take the value of this attribute; nothing happens where it is missing.'
      })
    ),
    new_key: Type.Optional(
      Type.String({ minLength: 1, description: 'For `rename`. An attribute that has this key already is replaced.' })
    )
  },
  { additionalProperties: false }
)

export const schema = Type.Object(
  {
    actions: Type.Array(action, {
      minItems: 1,
      description: 'Carried out in this order on the attributes of each span, data point and log record.',
      examples: [
        [
          { key: 'deployment.environment', value: 'production', action: 'insert' },
          { key: 'http.request.header.cookie', action: 'delete' }
        ]
      ]
    })
  },
  { additionalProperties: false }
)

export type AttributesConfig = Static<typeof schema>
export type Action = Static<typeof action>
