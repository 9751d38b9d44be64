// Dead letters over the admin endpoint: list, show, redrive, purge. What is shown went through the privacy processors
// before it was stored. Changes want a JSON body, so that a page in somebody's browser cannot make them.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { codeOf } from '../../../core/component/errors.js'
import type { Details } from '../control/audit.js'
import type { Change, Desk } from './desk.js'

interface Chosen {
  readonly ids?: readonly string[]
  /** All of this exporter's. */
  readonly exporter?: string
}

/** Does something on record, for whoever sent the request. */
export type Recorder = <T>(
  request: FastifyRequest,
  action: string,
  details: Details,
  work: () => Promise<T>,
  ended: (done: T) => Details
) => Promise<T>

const MAX_PAGE = 1000
/** Ids named in a record. */
const MAX_NAMED = 100
const CHANGES: readonly Change[] = ['redrive', 'purge']

const chosen = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  properties: {
    ids: { type: 'array', minItems: 1, maxItems: 10_000, items: { type: 'string' } },
    exporter: { type: 'string' }
  }
}

export function addDeadLetterRoutes(app: FastifyInstance, desk: Desk, record: Recorder): void {
  app.removeContentTypeParser('text/plain')
  app.get('/dead-letters', async (request, reply) => {
    const { exporter, after, max } = request.query as { exporter?: string; after?: string; max?: string }
    const known = desk.exporters()
    if (exporter !== undefined && !known.includes(exporter)) return unknownExporter(reply, exporter, known)
    const page = { max: Math.min(MAX_PAGE, Math.max(1, Number(max) || 100)), ...(after === undefined ? {} : { after }) }
    const lists = (exporter === undefined ? known : [exporter]).map(async one => desk.list(one, page))
    return (await Promise.all(lists)).flat()
  })
  app.get('/dead-letters/:id', async (request, reply) =>
    answer(reply, () => {
      const { id } = request.params as { id: string }
      const show = async () => desk.show(id)
      return record(request, 'dead_letters.show', { ids: [id] }, show, ({ exporter }) => ({ exporter }))
    })
  )
  for (const what of CHANGES) {
    app.post(`/dead-letters/${what}`, { schema: { body: chosen } }, async (request, reply) => {
      const { ids, exporter } = request.body as Chosen
      const known = desk.exporters()
      if (exporter !== undefined && !known.includes(exporter)) return unknownExporter(reply, exporter, known)
      return answer(reply, () => {
        const work = async () => ({ items: await desk.change(what, ids ?? (await desk.ids(exporter!))) })
        return record(request, `dead_letters.${what}`, chosenOf(request.body as Chosen), work, done => done)
      })
    })
  }
}

function chosenOf({ ids, exporter }: Chosen): Details {
  if (ids === undefined) return { exporter }
  return { ids: ids.slice(0, MAX_NAMED), ...(ids.length > MAX_NAMED ? { more: ids.length - MAX_NAMED } : {}) }
}

function unknownExporter(reply: FastifyReply, exporter: string, known: readonly string[]): unknown {
  reply.code(404)
  return { error: `there is no exporter ${exporter}`, exporters: known }
}

async function answer(reply: FastifyReply, work: () => unknown): Promise<unknown> {
  try {
    return await work()
  } catch (error) {
    if (codeOf(error) !== 'DEAD_LETTER_UNKNOWN') throw error
    reply.code(404)
    return { error: (error as Error).message }
  }
}
