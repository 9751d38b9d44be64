// The built-in processor types: one import and one line each. The order here is the order of the reference pages.

import type { ProcessorDeclaration } from '../core/component/processor.js'
import type { WindowedDeclaration } from '../core/component/windowed.js'
import adaptiveSampler from './adaptive_sampler/index.js'
import attributes from './attributes/index.js'
import custom from './custom/index.js'
import filter from './filter/index.js'
import hashing from './hashing/index.js'
import logSampling from './log_sampling/index.js'
import probabilisticSampler from './probabilistic_sampler/index.js'
import redaction from './redaction/index.js'
import tailSampling from './tail_sampling/index.js'
import workflowMetrics from './workflow_metrics/index.js'

export const PROCESSORS: readonly (ProcessorDeclaration | WindowedDeclaration)[] = [
  redaction,
  hashing,
  attributes,
  filter,
  custom,
  workflowMetrics,
  probabilisticSampler,
  adaptiveSampler,
  logSampling,
  tailSampling
]
