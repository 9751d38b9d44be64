// Settings of `redaction`. The defaults look for everything everywhere; every key narrows or changes that.

import { type Static, Type } from 'typebox'
import { secret } from '../../core/config/fields.js'
import { ACTIONS, type Action } from './actions.js'

const ACTION_HELP =
  '`redact` writes `[REDACTED:<detector>]`; `mask` keeps the shape and the last characters; `hash` writes a keyed HMAC; `tokenize` a short stable token; `drop` removes the attribute; `drop_item` the span, point or record; `report` only counts.'

/** One of the actions; `more` lists other words that are allowed here. */
function action<M extends string | boolean = never>(more: readonly M[], options: object = {}) {
  return Type.Unsafe<Action | M>({ enum: [...ACTIONS, ...more], ...options })
}

export const schema = Type.Object(
  {
    redact_fields: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description:
        'Keys whose whole value is redacted. `user_id` also fits `userId`, `user.id`, `app.user_id` and the pair `id` in a map `user`; `*` stands for anything within a segment, `**` for anything; `=key` fits only that very key.',
      examples: [['email', 'ssn', 'payment.*.number', '**.secret']]
    }),
    action: action([], { type: 'string', default: 'redact', description: ACTION_HELP }),
    detectors: Type.Record(Type.String(), action(['off', true, false]), {
      default: {},
      description:
        'Per detector: `off` (or `false`), or its own action. `all` sets those not named. Without it every detector is on.',
      examples: [{ email: 'mask', ip_address: 'off' }]
    }),
    max_scan_bytes: Type.Integer({
      default: 1048576,
      minimum: 1024,
      description: 'A text longer than this is not looked through; it is replaced as a whole by `[REDACTED:too_long]`.'
    }),
    private_ips: Type.Union([Type.Literal('keep'), Type.Literal('redact')], {
      default: 'keep',
      description: 'Whether private, loopback and link-local addresses count as personal.'
    }),
    blocked_values: Type.Array(Type.String(), {
      default: [],
      description: "RE2 patterns; what they match is redacted. The Collector's key; `patterns` can do more.",
      examples: [['4[0-9]{12}(?:[0-9]{3})?']]
    }),
    hash_key: Type.Optional(
      secret({ description: 'Key of `hash` and `tokenize`. At least 16 characters.', examples: ['${env:HASH_KEY}'] })
    ),
    mask: Type.Object(
      {
        keep_last: Type.Integer({ default: 4, minimum: 0, description: 'Letters and digits that stay at the end.' }),
        keep_domain: Type.Boolean({ default: true, description: "Whether an email's domain stays." }),
        keep_shape: Type.Boolean({ default: true, description: 'Whether separators stay.' })
      },
      { default: {}, additionalProperties: false, description: 'How `mask` masks.' }
    )
  },
  { additionalProperties: false }
)

export type RedactionConfig = Static<typeof schema>
