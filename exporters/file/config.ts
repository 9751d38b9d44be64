// Settings of the file exporter: the Collector's keys.

import { dirname } from 'node:path'
import Type, { type Static } from 'typebox'
import type { Problem } from '../../core/component/declaration.js'

export const schema = Type.Object(
  {
    path: Type.String({
      minLength: 1,
      description: 'File to append to; its directory is created.',
      examples: ['./data/telemetry.json']
    }),
    format: Type.Union([Type.Literal('json'), Type.Literal('proto')], {
      default: 'json',
      description:
        '`json`: one OTLP/JSON export request a line. `proto`: protobuf, each request behind its length (4 bytes, big endian).'
    }),
    encoding: Type.Optional(
      Type.Literal('algoflow_json', {
        description:
          "Log records as AlgoFlow's JSON lines, one record a line (docs/logs.md). Traces and metrics are written as before: give logs a file of their own."
      })
    ),
    compression: Type.Union([Type.Literal('none'), Type.Literal('zstd')], {
      default: 'none',
      description: '`zstd`: each request compressed and behind its length (4 bytes, big endian), also with `json`.'
    }),
    rotation: Type.Optional(
      Type.Object(
        {
          max_megabytes: Type.Number({
            default: 100,
            exclusiveMinimum: 0,
            description: 'The file is renamed (a time is added to its name) before it would grow beyond this.'
          }),
          max_days: Type.Integer({
            default: 0,
            minimum: 0,
            description:
              'Nothing older is kept, to the day: the file is renamed every day, and renamed files are removed when their newest record is older than this; 0: never.'
          }),
          max_backups: Type.Integer({ default: 100, minimum: 0, description: 'Renamed files kept at most; 0: all.' })
        },
        { additionalProperties: false, description: 'Without it the file grows for ever.' }
      )
    ),
    fsync: Type.Boolean({
      default: true,
      description: 'Count as delivered only what is on the disk (one fsync for all requests waiting).'
    })
  },
  { additionalProperties: false }
)

export type FileConfig = Static<typeof schema>

export function validate(config: FileConfig): readonly Problem[] {
  if (/[\\/]$/.test(config.path) || dirname(config.path) === config.path) {
    return [{ path: 'path', says: 'is a directory; give a file name' }]
  }
  if (config.encoding !== undefined && config.format !== 'json')
    return [{ path: 'encoding', says: 'needs `format: json`: its lines are text' }]
  return []
}
