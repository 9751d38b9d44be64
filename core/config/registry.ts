// What core/config is told about the components there are: it knows none of them by name.

import type { TSchema } from 'typebox'
import type { CounterSpec } from '../component/context.js'
import type { Problem, Stability } from '../component/declaration.js'
import type { Signal } from '../otlp/signal.js'
import type { ConfigProblem } from './problem.js'
import type { Tree } from './tree.js'

/** The part of a component's declaration that matters to its config; every kind of component has it. */
export interface Declared {
  readonly type: string
  /** Other names that are accepted in config files, e.g. the Collector's. */
  readonly aliases?: readonly string[]
  readonly signals: readonly Signal[]
  readonly stability: Stability
  readonly about: string
  readonly schema: TSchema
  readonly counters?: Readonly<Record<string, CounterSpec>>
  readonly stage?: 'inline' | 'windowed'
  readonly mutates?: boolean
  /** A processor that removes what must not be stored. */
  readonly protects?: boolean
  /** A processor that makes telemetry of this signal of its own: pipelines of it name it among their receivers. */
  readonly derives?: { readonly signal: Signal }
  validate?(config: never): readonly Problem[]
}

export type ComponentKind = 'receivers' | 'processors' | 'exporters'

export interface Registry {
  readonly receivers: readonly Declared[]
  readonly processors: readonly Declared[]
  readonly exporters: readonly Declared[]
  /** Queue types that this build can run. */
  readonly queues: readonly string[]
  /** YAML of the config that runs when there is no file; parts of it fill what a file leaves out. */
  readonly defaults: string
  /** False for a component of the defaults that cannot run with what the file says: it is left out. */
  fitsDefault?(kind: ComponentKind, id: string, file: Tree): boolean
  /** The product's own short block (`telemetry:`), where it has one. */
  readonly block?: ShortBlock
  /** What to write instead of types and keys that others have: `processors/batch`, `processors/*`, `exporters/*.auth`. */
  readonly hints?: Readonly<Record<string, string>>
}

/** A block of the file that stands for components; expanded before the components are checked. */
export interface ShortBlock {
  readonly key: string
  readonly schema: TSchema
  /** The components and settings it stands for, in the order processors are to run. */
  expand(config: never, site: BlockSite): readonly Addition[]
}

/** What `expand` may ask about the file. */
export interface BlockSite {
  /** A part of the block as written, to be put into a component's config so that problems name its line. */
  part(path: string): Tree | undefined
  has(kind: ComponentKind, type: string): boolean
  /** The ids that the file writes in a section. */
  ids(kind: ComponentKind): readonly string[]
  note(severity: ConfigProblem['severity'], path: string, says: string, fix?: string): void
}

/** One thing that a short block stands for. */
export interface Addition {
  /** Where it belongs: a component section, or a path such as `service.retention`. */
  readonly section: ComponentKind | 'setting'
  /** The component's id, or the setting's path. */
  readonly id: string
  /** A component for pipelines of some signals only. Default: all that its type takes. */
  readonly signals?: readonly Signal[]
  /** A setting for a part that may not be there: it is set only where this path exists. */
  readonly within?: string
  /** `defaults`: also replaces what came from the default config, never what the file says. */
  readonly over?: 'defaults'
  /** Plain values and parts got by `site.part`. */
  readonly config: unknown
  /** The part of the block that it comes from. */
  readonly from: string
}
