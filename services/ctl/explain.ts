// What a checked config means: which way the data goes, in which order, and what each promise costs. Written as YAML
// comments, so that the output of `explain` is itself a config file.

import type { Declared, Registry } from '../../core/config/registry.js'
import type { ExporterConfig, GatewayConfig, PipelineConfig } from '../../core/config/types.js'
import { formatBytes, formatDuration } from '../../core/config/units.js'

/** Lines that explain `config`, each beginning with `# `. */
export function explanation(config: GatewayConfig, registry: Registry): string {
  const lines = ['The way of the data', '']
  for (const pipeline of config.pipelines) lines.push(...pipelineLines(pipeline, config, registry), '')
  lines.push('What the promises cost', '', ...queueLines(config), ...windowLines(config, registry), '')
  lines.push('Exporters: each one reads the queue at its own pace', '')
  for (const exporter of config.exporters.values()) lines.push(...exporterLines(exporter, config))
  return lines.map(line => `# ${line}`.trimEnd()).join('\n')
}

function pipelineLines(pipeline: PipelineConfig, config: GatewayConfig, registry: Registry): string[] {
  const declared = (id: string) => declaration(registry, config.processors.get(id)?.type)
  const inline = pipeline.processors.filter(id => declared(id)?.stage !== 'windowed')
  const windowed = pipeline.processors.filter(id => declared(id)?.stage === 'windowed')
  const lines = [
    `${pipeline.id}: ${pipeline.receivers.join(', ')} -> ${way(inline, windowed)} -> ${pipeline.exporters.join(', ')}`
  ]
  inline.forEach((id, i) => {
    lines.push(`  ${i + 1}. ${id}: ${declared(id)?.about ?? ''}`)
  })
  windowed.forEach((id, i) => {
    lines.push(`  ${inline.length + i + 1}. ${id}, after the queue: ${declared(id)?.about ?? ''}`)
  })
  const changes = inline.some(id => declared(id)?.mutates === true)
  if (!changes) lines.push('  Nothing is removed or changed: what senders send is what rests in the queue.')
  else if (inline.length > 1)
    lines.push('  These share their walks over the bytes: another one adds its own work only.')
  return lines
}

function way(inline: readonly string[], windowed: readonly string[]): string {
  const after = windowed.length > 0 ? ` -> ${windowed.join(', ')} -> queue` : ''
  return `${inline.length > 0 ? `${inline.join(', ')} -> ` : ''}queue${after}`
}

function declaration(registry: Registry, type: string | undefined): Declared | undefined {
  return registry.processors.find(d => d.type === type)
}

function queueLines({ queue }: GatewayConfig): string[] {
  const limit = `It holds up to ${formatBytes(queue.maxBytes)}; then senders are told to come back (429 / UNAVAILABLE).`
  if (queue.type === 'memory') {
    return ['Queue in memory: an OK says nothing about a crash; what waits is lost when the process ends.', limit]
  }
  if (queue.type === 'redis') return ['Queue in Redis: as durable as that Redis is set up to be.', limit]
  return [
    `Queue on disk (${queue.path}): a sender's OK waits until its data is flushed; requests that come together share a flush.`,
    'The cost: some milliseconds of disk time in the answer, every byte written once. kill -9 or power loss loses nothing acknowledged.',
    limit
  ]
}

function windowLines(config: GatewayConfig, registry: Registry): string[] {
  const ids = [...config.processors.values()].filter(c => declaration(registry, c.type)?.stage === 'windowed')
  if (ids.length === 0) return []
  return [
    `${ids.map(c => c.id).join(', ')}: holds data in the queue until it decides; what is kept is written a second time.`
  ]
}

const OVERFLOW: Readonly<Record<string, string>> = {
  block: 'senders are refused (they keep the data and retry)',
  drop_oldest: 'its oldest data is dropped, counted',
  drop_newest: 'new data is dropped for it, counted'
}

function exporterLines(exporter: ExporterConfig, config: GatewayConfig): string[] {
  const { sendingQueue: q, retry } = exporter
  const bounds = [
    Number.isFinite(q.maxBytes) ? formatBytes(q.maxBytes) : undefined,
    q.maxItems === undefined ? undefined : `${q.maxItems} items`,
    q.maxRequests === undefined ? undefined : `${q.maxRequests} requests`
  ].filter(bound => bound !== undefined)
  const limit = bounds.length > 0 ? bounds.join(', ') : `what the queue holds (${formatBytes(config.queue.maxBytes)})`
  const tries = retry.enabled
    ? `retries after ${formatDuration(retry.initialIntervalMs)} to ${formatDuration(retry.maxIntervalMs)}, ${retry.maxElapsedMs === 0 ? 'never gives up' : `dead letter after ${formatDuration(retry.maxElapsedMs)}`}`
    : 'no retries: a failure makes a dead letter'
  return [
    `${exporter.id}: may fall behind by ${limit}, then ${OVERFLOW[q.overflow] ?? q.overflow}`,
    `  ${q.numConsumers} requests at once, ${formatDuration(exporter.timeoutMs)} each; ${tries}`
  ]
}
