// Settings of `filter`.

import { type Static, Type } from 'typebox'
import { duration } from '../../core/config/fields.js'

const texts = (about: string, examples: string[]) =>
  Type.Optional(
    Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })], {
      description: about,
      examples: [examples]
    })
  )

const byKey = (about: string) =>
  Type.Optional(
    Type.Record(
      Type.String(),
      Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(Type.String(), { minItems: 1 })]),
      {
        description: about
      }
    )
  )

export const SEVERITIES = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const
export const STATUSES = ['unset', 'ok', 'error'] as const
export const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const

export const rule = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64, description: 'The reason under which its drops are counted.' }),
    item_name: texts('Span, metric or event name: a text, a glob (`*`), or an RE2 pattern between slashes.', [
      'GET /healthz',
      '/^health/'
    ]),
    scope: texts('Name of the instrumentation scope.', ['*.debug']),
    attributes: byKey('Attributes of the item, all of which must fit. `*` alone: is there at all.'),
    resource: byKey('Attributes of its resource, all of which must fit.'),
    status: Type.Optional(
      Type.Array(Type.Union(STATUSES.map(s => Type.Literal(s))), { minItems: 1, description: 'Span status, any of.' })
    ),
    kind: Type.Optional(
      Type.Array(Type.Union(KINDS.map(k => Type.Literal(k))), { minItems: 1, description: 'Span kind, any of.' })
    ),
    shorter_than: Type.Optional(duration({ description: 'Spans that took less.' })),
    severity_below: Type.Optional(
      Type.Union(
        SEVERITIES.map(s => Type.Literal(s)),
        { description: 'Log records of a lower severity; those without one do not fit.' }
      )
    ),
    body: texts('Text body of a log record.', ['heartbeat*'])
  },
  { additionalProperties: false, description: 'Everything given must fit.' }
)

export const schema = Type.Object(
  {
    drop: Type.Array(rule, { default: [], description: 'Items that fit any of these are dropped.' }),
    keep: Type.Array(rule, {
      default: [],
      description: 'When there are any: items that fit none of these are dropped, counted as `not_kept`.'
    }),
    keep_errors: Type.Boolean({
      default: false,
      description: 'Never drop spans with status error and log records from ERROR up, whatever the rules say.'
    })
  },
  { additionalProperties: false }
)

export type FilterConfig = Static<typeof schema>
export type Rule = Static<typeof rule>
