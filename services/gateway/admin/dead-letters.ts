// Dead letters over the admin endpoint: list, show, redrive, purge. What is shown went through the privacy processors
// before it was stored. Changes want a JSON body, so that a page in somebody's browser cannot make them.

import type { FastifyInstance, FastifyReply } from 'fastify'
import { codeOf } from '../../../core/component/errors.js'
import { allIds, type DeadLetterStores, list, purge, redrive, show } from '../../../core/delivery/dead-letters.js'

export interface DeadLetterSources {
  readonly stores: DeadLetterStores
  /** Ids of the exporters there are. */
  exporters(): readonly string[]
}

interface Chosen {
  readonly ids?: readonly string[]
  /** All of this exporter's. */
  readonly exporter?: string
}

const MAX_PAGE = 1000

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

export function addDeadLetterRoutes(app: FastifyInstance, { stores, exporters }: DeadLetterSources): void {
  app.removeContentTypeParser('text/plain')
  app.get('/dead-letters', async (request, reply) => {
    const { exporter, after, max } = request.query as { exporter?: string; after?: string; max?: string }
    if (exporter !== undefined && !exporters().includes(exporter)) return unknownExporter(reply, exporter, exporters())
    const page = { max: Math.min(MAX_PAGE, Math.max(1, Number(max) || 100)), ...(after === undefined ? {} : { after }) }
    return (exporter === undefined ? exporters() : [exporter]).flatMap(one => list(stores, one, page))
  })
  app.get('/dead-letters/:id', async (request, reply) =>
    answer(reply, () => show(stores, (request.params as { id: string }).id))
  )
  for (const [name, work] of Object.entries({ redrive, purge })) {
    app.post(`/dead-letters/${name}`, { schema: { body: chosen } }, async (request, reply) => {
      const { ids, exporter } = request.body as Chosen
      if (exporter !== undefined && !exporters().includes(exporter))
        return unknownExporter(reply, exporter, exporters())
      return answer(reply, async () => ({ items: await work(stores, ids ?? allIds(stores, exporter!)) }))
    })
  }
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
