// The pipelines against the components there are: names, signals, order, what is never used.

import type { Signal } from '../otlp/signal.js'
import { SIGNALS } from '../otlp/signal.js'
import { KINDS, typeOf } from './expand.js'
import type { ConfigProblem, Path, ProblemCode } from './problem.js'
import { problem } from './problem.js'
import type { ComponentKind, Declared } from './registry.js'
import { didYouMean } from './suggest.js'
import type { MapTree, Position, Tree } from './tree.js'
import { find, keyPlaceOf, placeOf } from './tree.js'
import type { PipelineConfig } from './types.js'

interface Scene {
  readonly file: MapTree
  readonly found: ConfigProblem[]
  /** Everything is switched off: no pipelines is no problem. */
  readonly isOff: boolean
}

type Components = Readonly<Record<ComponentKind, ReadonlyMap<string, Declared>>>

/** Checks the pipelines and gives them; those with a problem are left out. */
export function checkPipelines(written: Tree | undefined, components: Components, scene: Scene): PipelineConfig[] {
  const used = new Set<string>()
  const made: PipelineConfig[] = []
  const entries = written?.kind === 'map' ? written.entries : new Map()
  for (const [id, { keyAt, value }] of entries) {
    const pipeline = checkPipeline(id, keyAt, value, components, used, scene)
    if (pipeline !== undefined) made.push(pipeline)
  }
  if (entries.size === 0 && !scene.isOff) {
    const says = 'there is no pipeline: nothing would be received or sent'
    scene.found.push(
      problem('error', 'CONFIG_NO_PIPELINES', scene.file.at, ['service', 'pipelines'], says, NO_PIPELINES_FIX)
    )
  }
  if (!scene.isOff) {
    warnUnused(components, used, scene)
    warnUnreceived(made, components, scene)
  }
  return made
}

const NO_PIPELINES_FIX = 'Write `service: {pipelines: {traces: {receivers: [...], exporters: [...]}}}`.'

function checkPipeline(
  id: string,
  keyAt: Position,
  tree: Tree,
  components: Components,
  used: Set<string>,
  scene: Scene
): PipelineConfig | undefined {
  const path: Path = ['service', 'pipelines', id]
  const signal = typeOf(id) as Signal
  const say = (code: ProblemCode, at: Position, where: Path, says: string, fix?: string) =>
    scene.found.push(problem('error', code, at, [...path, ...where], says, fix))
  if (!SIGNALS.includes(signal)) {
    say(
      'CONFIG_WRONG_VALUE',
      keyAt,
      [],
      `a pipeline's id must begin with its signal, \`${typeOf(id)}\` is none`,
      didYouMean(typeOf(id), SIGNALS, 'Signals')
    )
    return undefined
  }
  const before = scene.found.length
  const lists = { receivers: [] as string[], processors: [] as string[], exporters: [] as string[] }
  for (const kind of KINDS) {
    const list = find(tree, [kind])
    const items = list?.kind === 'list' ? list.items : []
    if (items.length === 0 && kind !== 'processors' && (list === undefined || list.kind === 'list')) {
      say(
        'CONFIG_EMPTY_PIPELINE',
        list?.at ?? keyAt,
        [kind],
        `the pipeline has no ${kind}`,
        `Add at least one id to \`${kind}\`.`
      )
    }
    items.forEach((item, i) => {
      if (item.kind !== 'scalar') return
      const name = String(item.value)
      used.add(`${kind}/${name}`)
      if (lists[kind].includes(name))
        say('CONFIG_DUPLICATE', item.at, [kind, i], `\`${name}\` is listed twice`, 'Remove one.')
      lists[kind].push(name)
      checkMember(kind, name, signal, components, scene, (code, says, fix) => say(code, item.at, [kind, i], says, fix))
    })
  }
  noteOrder(tree, lists.processors, components, path, scene)
  return scene.found.slice(before).some(p => p.severity === 'error') ? undefined : { id, signal, ...lists }
}

type Say = (code: ProblemCode, says: string, fix: string) => void

function checkMember(
  kind: ComponentKind,
  id: string,
  signal: Signal,
  components: Components,
  scene: Scene,
  say: Say
): void {
  const section = find(scene.file, [kind])
  const defined = section?.kind === 'map' ? [...section.entries.keys()] : []
  const noun = kind.slice(0, -1)
  // What a processor makes of other pipelines' items is received like anything else.
  const maker = kind === 'receivers' && !defined.includes(id) ? components.processors.get(id) : undefined
  if (maker?.derives !== undefined) {
    if (maker.derives.signal !== signal)
      say('CONFIG_SIGNAL', `\`${id}\` makes ${maker.derives.signal}, not ${signal}`, 'Remove it from this pipeline.')
    return
  }
  if (!defined.includes(id)) {
    say(
      'CONFIG_UNDEFINED',
      `${noun} \`${id}\` is not defined under \`${kind}\``,
      `${didYouMean(id, defined, 'Defined')}`
    )
  }
  const declaration = components[kind].get(id)
  if (declaration === undefined || declaration.signals.includes(signal)) return
  say(
    'CONFIG_SIGNAL',
    `${noun} \`${id}\` does not take ${signal}`,
    `It takes ${declaration.signals.join(', ')}: remove it from this pipeline.`
  )
}

/** Inline processors always run before the first write, windowed ones after it: written otherwise, it is said. */
function noteOrder(tree: Tree, ids: readonly string[], components: Components, path: Path, scene: Scene): void {
  noteUnprotected(tree, ids, components, path, scene)
  const stageOf = (id: string) => components.processors.get(id)?.stage
  const firstWindowed = ids.findIndex(id => stageOf(id) === 'windowed')
  if (firstWindowed < 0) return
  ids.forEach((id, i) => {
    const stage = stageOf(id)
    if (i < firstWindowed || stage === undefined || stage === 'windowed') return
    const says = `\`${id}\` runs before \`${ids[firstWindowed]}\`, not after it: what changes data runs before the first write`
    const at = placeOf(tree, ['processors', i])
    scene.found.push(
      problem('warning', 'CONFIG_ORDER', at, [...path, 'processors', i], says, 'Write it in front to make this plain.')
    )
  })
}

/** What a processor makes of items is stored: it must see them as the privacy processors leave them. */
function noteUnprotected(tree: Tree, ids: readonly string[], components: Components, path: Path, scene: Scene): void {
  ids.forEach((id, i) => {
    if (components.processors.get(id)?.derives === undefined) return
    const later = ids.slice(i + 1).find(other => components.processors.get(other)?.protects === true)
    if (later === undefined) return
    const says = `\`${id}\` stands before \`${later}\`: it would store what that one removes`
    const at = placeOf(tree, ['processors', i])
    scene.found.push(
      problem('error', 'CONFIG_ORDER', at, [...path, 'processors', i], says, `Write \`${id}\` behind \`${later}\`.`)
    )
  })
}

/** Telemetry that a processor makes and no pipeline receives. */
function warnUnreceived(made: readonly PipelineConfig[], components: Components, scene: Scene): void {
  for (const [id, { derives }] of components.processors) {
    if (derives === undefined || !made.some(pipeline => pipeline.processors.includes(id))) continue
    if (made.some(pipeline => pipeline.receivers.includes(id))) continue
    const says = `no pipeline receives the ${derives.signal} that \`${id}\` makes`
    const fix = `Add \`${id}\` to the receivers of a ${derives.signal} pipeline.`
    scene.found.push(
      problem('warning', 'CONFIG_UNUSED', keyPlaceOf(scene.file, ['processors', id]), ['processors', id], says, fix)
    )
  }
}

function warnUnused(components: Components, used: ReadonlySet<string>, scene: Scene): void {
  for (const kind of KINDS) {
    for (const id of components[kind].keys()) {
      if (used.has(`${kind}/${id}`)) continue
      const says = `no pipeline uses ${kind.slice(0, -1)} \`${id}\``
      const fix = `Add it to a pipeline, or remove it.`
      scene.found.push(problem('warning', 'CONFIG_UNUSED', keyPlaceOf(scene.file, [kind, id]), [kind, id], says, fix))
    }
  }
}
