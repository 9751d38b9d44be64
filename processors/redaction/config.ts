// Settings of `redaction`. The defaults look for everything everywhere; every key narrows or changes that.

import { type Static, Type } from 'typebox'
import { secret } from '../../core/config/fields.js'
import { PLACES, type Place } from '../../core/otlp/schema.js'
import { ACTIONS, type Action } from './actions.js'
import { CHECKSUMS } from './scan/checksums.js'

const ACTION_HELP =
  '`redact` writes `[REDACTED:<detector>]`; `mask` keeps the shape and the last characters; `hash` writes a keyed HMAC; `tokenize` a short token, the same for the same value within `token_scope`; `drop` removes the attribute; `drop_item` the span, point or record; `report` only counts.'

const ACTION = Type.Unsafe<Action>({ type: 'string', enum: [...ACTIONS] })

const detectors = Type.Record(
  Type.String(),
  Type.Unsafe<Action | 'off' | boolean>({ enum: [...ACTIONS, 'off', true, false] }),
  {
    default: {},
    description:
      'Per detector: `off` (or `false`), or its own action. `all` sets those not named. Without it every detector is on but `names` (names of persons in running text), which is on only when it is named.',
    examples: [{ email: 'mask', ip_address: 'off' }, { names: 'redact' }]
  }
)

const field = Type.Unsafe<string | { field: string; action: Action }>({
  anyOf: [
    { type: 'string', minLength: 1 },
    {
      type: 'object',
      required: ['field', 'action'],
      additionalProperties: false,
      properties: { field: { type: 'string', minLength: 1 }, action: { type: 'string', enum: [...ACTIONS] } }
    }
  ]
})

const redactFields = Type.Array(field, {
  default: [],
  description:
    'Keys whose whole value goes. `user_id` also fits `userId`, `user.id`, `app.user_id` and the pair `id` in a map `user`; `*` stands for anything within a segment, `**` for anything; `=key` fits only that very key. `{field, action}` does something else with it. Text that holds such a key (JSON, key=value) is treated alike.',
  examples: [['email', 'ssn', 'payment.*.number', '**.secret', { field: 'account', action: 'hash' }]]
})

const MODE_HELP =
  '`detect` looks for personal data and lets the rest pass. `allow_list` lets only listed keys pass and looks through what they hold: the only way to be sure.'
const MODE = { type: 'string', enum: ['detect', 'allow_list'] }
type Mode = 'detect' | 'allow_list'

const pattern = Type.Object(
  {
    name: Type.String({
      pattern: '^[a-z][a-z0-9_]*$',
      description: 'What stands in `[REDACTED:<name>]` and in metrics.'
    }),
    pattern: Type.String({ minLength: 1, description: 'RE2 syntax: linear time, no backreferences, no lookaround.' }),
    group: Type.Integer({
      default: 0,
      minimum: 0,
      description: 'The capture group that is redacted; 0 = the whole match.'
    }),
    context: Type.Array(Type.String(), {
      default: [],
      description: 'Words one of which must be in the key, or up to 45 characters before the match.'
    }),
    checksum: Type.Optional(
      Type.Unsafe<string>({
        type: 'string',
        enum: Object.keys(CHECKSUMS),
        description: 'A checksum that the match must pass.'
      })
    ),
    action: Type.Optional(ACTION)
  },
  { additionalProperties: false }
)

export const schema = Type.Object(
  {
    mode: Type.Unsafe<Mode>({ ...MODE, default: 'detect', description: MODE_HELP }),
    action: Type.Unsafe<Action>({ type: 'string', enum: [...ACTIONS], default: 'redact', description: ACTION_HELP }),
    redact_fields: redactFields,
    detectors,
    patterns: Type.Array(pattern, {
      default: [],
      description: 'Own patterns.',
      examples: [[{ name: 'staff_id', pattern: 'EMP-([0-9]{6})', group: 1, context: ['employee', 'staff'] }]]
    }),
    by_workflow: Type.Record(
      Type.String(),
      Type.Object(
        {
          mode: Type.Optional(Type.Unsafe<Mode>(MODE)),
          action: Type.Optional(ACTION),
          redact_fields: Type.Optional(redactFields),
          detectors: Type.Optional(detectors)
        },
        { additionalProperties: false }
      ),
      {
        default: {},
        description: 'What is different for the spans, points and records of a workflow, by `workflow.name`.',
        examples: [{ 'sensitive-workflow': { mode: 'allow_list' } }]
      }
    ),
    allow_list: Type.Object(
      {
        keys: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          description: 'Keys that pass besides the shipped ones, written like `redact_fields`.'
        }),
        shipped: Type.Boolean({
          default: true,
          description:
            'Whether the semantic conventions of OpenTelemetry and the attributes of AlgoFlow are on the list.'
        }),
        action: Type.Unsafe<'drop' | 'hash' | 'redact'>({
          type: 'string',
          enum: ['drop', 'hash', 'redact'],
          default: 'drop',
          description: 'What becomes of attributes that are not on the list.'
        })
      },
      { default: {}, additionalProperties: false, description: 'The list of `mode: allow_list`.' }
    ),
    statements: Type.Unsafe<'scan' | 'obfuscate'>({
      type: 'string',
      enum: ['scan', 'obfuscate'],
      default: 'scan',
      description:
        '`obfuscate` replaces every literal in database statements (`db.statement`, `db.query.text`: SQL, Redis, Mongo) by `?`; `scan` only takes out what a detector finds.'
    }),
    url_params: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: 'Further query parameters whose values are replaced by `REDACTED`, wherever a URL stands.',
      examples: [['invite', 'ticket']]
    }),
    private_ips: Type.Unsafe<'keep' | 'redact'>({
      type: 'string',
      enum: ['keep', 'redact'],
      default: 'keep',
      description: 'Whether private, loopback and link-local addresses count as personal.'
    }),
    places: Type.Array(Type.Unsafe<Place>({ type: 'string', enum: [...PLACES] }), {
      default: [],
      description: 'The places in OTLP to look at; none = all of them.'
    }),
    unknown_fields: Type.Unsafe<'scan' | 'drop' | 'keep'>({
      type: 'string',
      enum: ['scan', 'drop', 'keep'],
      default: 'scan',
      description:
        'Fields that this version of OTLP does not know: looked through and cut on a hit, always cut, or left.'
    }),
    max_scan_bytes: Type.Integer({
      default: 1048576,
      minimum: 1024,
      description: 'A text longer than this is not looked through; it is replaced as a whole by `[REDACTED:too_long]`.'
    }),
    mask: Type.Object(
      {
        keep_last: Type.Integer({
          default: 4,
          minimum: 0,
          description: 'Letters and digits that stay at the end, at most a third.'
        }),
        keep_domain: Type.Boolean({ default: true, description: "Whether an email's domain stays." }),
        keep_shape: Type.Boolean({ default: true, description: 'Whether separators stay.' })
      },
      { default: {}, additionalProperties: false, description: 'How `mask` masks.' }
    ),
    token_scope: Type.String({
      default: 'workflow',
      minLength: 1,
      description:
        'Within what equal values get equal tokens from `tokenize`: `workflow` (`workflow.name`), `global` (everything under this key), or the key of an attribute of the item or its resource, such as a tenant. Items without it share one scope; so do values of resources, scopes and metrics themselves, which belong to no item.',
      examples: ['tenant.id', 'global']
    }),
    hash_key: Type.Optional(
      secret({
        description: 'Key of `hash` and `tokenize`, at least 16 characters, the same on every replica.',
        examples: ['${env:HASH_KEY}']
      })
    ),
    summary: Type.Unsafe<'silent' | 'info' | 'debug'>({
      type: 'string',
      enum: ['silent', 'info', 'debug'],
      default: 'silent',
      description:
        "The Collector's key: `info` adds `redaction.masked.count` and `redaction.redacted.count` to changed items, `debug` also the keys."
    }),
    allow_all_keys: Type.Optional(
      Type.Boolean({
        description: "The Collector's key: `false` lets only `allowed_keys` and `ignored_keys` pass."
      })
    ),
    allowed_keys: Type.Array(Type.String(), {
      default: [],
      description:
        "The Collector's key: with any of them, and without `allow_all_keys: true`, all other attributes are dropped."
    }),
    ignored_keys: Type.Array(Type.String(), {
      default: [],
      description: "The Collector's key: attributes that are neither dropped nor looked at."
    }),
    blocked_values: Type.Array(Type.String(), {
      default: [],
      description: "The Collector's key: RE2 patterns; what they match becomes `****`. `patterns` can do more.",
      examples: [['4[0-9]{12}(?:[0-9]{3})?']]
    }),
    blocked_key_patterns: Type.Array(Type.String(), {
      default: [],
      description: "The Collector's key: RE2 patterns of keys whose whole value becomes `****`.",
      examples: [['.*token.*', '.*api_key.*']]
    })
  },
  { additionalProperties: false }
)

export type RedactionConfig = Static<typeof schema>
