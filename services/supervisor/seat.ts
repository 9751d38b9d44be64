// One gateway in several processes: which of them a process is, and what of the config is its own.
//
// Each process has a part of the embedded queue to itself: the first one the directory of the config, process n the directory
// `worker-<n>` in it. So one process and several find each other's data when their number changes: a directory whose
// process is no more is delivered by one that is (`abandonedSeats`).

import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { ExporterDeclaration } from '../../core/component/exporter.js'
import type { RedisSettings, SpillSettings } from '../../core/config/service.js'
import type { ExporterConfig, GatewayConfig } from '../../core/config/types.js'
import { EXPORTERS } from '../../exporters/index.js'
import { gatewayErrors } from '../gateway/errors.js'
import { planWindows } from '../gateway/windows.js'

/** A process among those of one gateway. */
export interface Seat {
  /** From 1. */
  readonly index: number
  readonly of: number
}

export const ALONE: Seat = { index: 1, of: 1 }
/** Environment variable by which the supervisor tells a process its seat: `2/4`. */
export const SEAT_VARIABLE = 'ALGOFLOW_GATEWAY_SEAT'
const DIRECTORY = /^worker-(\d+)$/

/** The seat that the supervisor gave this process; undefined in a process that nobody supervises. */
export function seatOf(env: Readonly<Record<string, string | undefined>>): Seat | undefined {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(env[SEAT_VARIABLE] ?? '') ?? []
  return index === undefined ? undefined : { index: Number(index), of: Number(of) }
}

/** How many processes a config asks for. */
export function workersOf(config: GatewayConfig): number {
  const { workers } = config.service
  return workers === 'auto' ? availableParallelism() : workers
}

/**
 * Whether this config can run in several processes.
 * @throws GATEWAY_WORKERS_QUEUE, GATEWAY_WORKERS_WINDOW, GATEWAY_WORKERS_EXPORTER
 */
export function checkSeats(config: GatewayConfig): void {
  if (config.queue.type === 'memory') throw gatewayErrors.GATEWAY_WORKERS_QUEUE()
  const [window] = config.queue.type === 'embedded' ? planWindows(config) : []
  if (window !== undefined) throw gatewayErrors.GATEWAY_WORKERS_WINDOW(window.id)
  configOfSeat(config, { index: 2, of: 2 })
}

/** The config of one process: its part of the queue, its own files. @throws GATEWAY_WORKERS_EXPORTER */
export function configOfSeat(config: GatewayConfig, seat: Seat): GatewayConfig {
  const { index, of } = seat
  const { queue } = config
  const exporters =
    index === 1 ? config.exporters : new Map(usedExporters(config).map(one => [one.id, ofProcess(one, index)]))
  if (queue.type === 'redis') {
    return {
      ...config,
      exporters,
      queue: { ...queue, options: redisOfSeat(queue.options as unknown as RedisSettings, seat) }
    }
  }
  return {
    ...config,
    exporters,
    queue: { ...queue, path: pathOfSeat(queue.path, index), maxBytes: Math.floor(queue.maxBytes / of) }
  }
}

/** Parts of the embedded queue whose process is no more, those that this process looks after. */
export function abandonedSeats(config: GatewayConfig, seat: Seat): readonly Seat[] {
  if (config.queue.type !== 'embedded') return []
  return leftBy(config.queue.path, seat).map(index => ({ index, of: 1 }))
}

/** A name of its own, and its own part of the spill, with those that processes which are no more have left. */
function redisOfSeat(settings: RedisSettings, seat: Seat): Readonly<Record<string, unknown>> {
  const { member, spill } = settings
  return {
    ...settings,
    ...(member === undefined || seat.index === 1 ? {} : { member: `${member}-${seat.index}` }),
    ...(spill === undefined ? {} : { spill: spillOfSeat(spill, seat) })
  }
}

function spillOfSeat({ path, maxBytes }: SpillSettings, seat: Seat): SpillSettings {
  return {
    path: pathOfSeat(path, seat.index),
    maxBytes: Math.floor(maxBytes / seat.of),
    abandoned: leftBy(path, seat).map(index => pathOfSeat(path, index))
  }
}

function pathOfSeat(path: string, index: number): string {
  return index === 1 ? path : join(path, `worker-${index}`)
}

/** Directories below `path` whose process is no more, those that fall to this one. */
function leftBy(path: string, seat: Seat): number[] {
  const found = directories(path).filter(index => index > seat.of)
  return found.filter(index => (index - 1) % seat.of === seat.index - 1)
}

function directories(path: string): number[] {
  let names: string[]
  try {
    names = readdirSync(path)
  } catch {
    return [] // there is no queue yet
  }
  return names.flatMap(name => {
    const index = Number(DIRECTORY.exec(name)?.[1] ?? 0)
    return index > 1 ? [index] : []
  })
}

function usedExporters(config: GatewayConfig): ExporterConfig[] {
  const used = new Set(config.pipelines.flatMap(pipeline => pipeline.exporters))
  return [...config.exporters.values()].filter(({ id }) => used.has(id))
}

function ofProcess(exporter: ExporterConfig, index: number): ExporterConfig {
  const declaration = (EXPORTERS as readonly ExporterDeclaration[]).find(({ type }) => type === exporter.type)
  const config = declaration?.inProcess?.(exporter.config as never, index) ?? exporter.config
  if (typeof config === 'string') throw gatewayErrors.GATEWAY_WORKERS_EXPORTER(exporter.id, config)
  return { ...exporter, config }
}
