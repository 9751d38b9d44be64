// What became of a trace: `/traces` recent decisions, `/traces/<id>` one of them. Ids, rules and counts; no telemetry values.

import type { FastifyInstance } from 'fastify'
import type { Awaitable } from './desk.js'

/** As core/sampling/recent.ts tells it. */
export interface TraceDecision {
  readonly traceId: string
  readonly state: 'undecided' | 'kept' | 'held' | 'dropped'
  readonly rule: string
  readonly decidedAt: number
  readonly when: string | undefined
  readonly items: number
  readonly hasError: boolean
  readonly isLateError: boolean
  readonly weight: number | undefined
}

export interface TraceSources {
  /** One window and what it knows of a trace; those that know nothing are left out. */
  explain(traceId: string): Awaitable<readonly (TraceDecision & { readonly window: string })[]>
  /** Another gateway of the same queue that judges the trace, by its name there (`queue.member`). */
  elsewhere?(traceId: string): Awaitable<string | undefined>
  /** Whether any pipeline judges whole traces. Default true. */
  readonly judges?: boolean
  /** Newest first, of all windows. */
  recent(limit: number): Awaitable<readonly (TraceDecision & { readonly window: string })[]>
}

const MAX_RECENT = 1000

export function addTraceRoutes(app: FastifyInstance, traces: TraceSources): void {
  app.get('/traces', async request => {
    const { max } = request.query as { max?: string }
    return traces.recent(Math.min(MAX_RECENT, Math.max(1, Number(max) || 100)))
  })
  app.get('/traces/:id', async (request, reply) => {
    const { id } = request.params as { id: string }
    if (!/^[0-9a-fA-F]{32}$/.test(id)) {
      reply.code(400)
      return { error: 'a trace id has 32 hexadecimal digits' }
    }
    const found = await traces.explain(id.toLowerCase())
    if (found.length > 0) return found
    reply.code(404)
    const other = await traces.elsewhere?.(id.toLowerCase())
    if (traces.judges === false)
      return {
        error: 'no pipeline here judges traces (`tail_sampling`): nothing is remembered, and none is dropped that way'
      }
    if (other !== undefined) return { error: `the gateway ${other} judges this trace: ask that one` }
    return { error: 'no sampling decision on this trace is remembered: it never came, or it is too long ago' }
  })
}
