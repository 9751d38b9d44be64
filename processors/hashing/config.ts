// Settings of `hashing`.

import { type Static, Type } from 'typebox'
import { secret } from '../../core/config/fields.js'

export const schema = Type.Object(
  {
    hash_fields: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description:
        'Keys whose value is replaced by its keyed hash. `user_id` also fits `userId`, `user.id`, `app.user_id` and the pair `id` in a map `user`; `*` stands for anything within a segment, `**` for anything; `=key` fits only that very key.',
      examples: [['user_id', 'session_id']]
    }),
    key: Type.Optional(
      secret({
        description:
          'Secret key of the HMAC, at least 16 characters, the same on every replica. Without it the gateway uses a random key that it keeps in its data directory.',
        examples: ['${env:HASH_KEY}', '${file:/etc/algoflow/hash.key}']
      })
    ),
    previous_keys: Type.Array(secret(), {
      default: [],
      description:
        'Keys used before, for the time in which old and new hashes are both looked for. Never used for new values.'
    })
  },
  { additionalProperties: false }
)

export type HashingConfig = Static<typeof schema>
