// Everything that config files can name in this build.

import type { Declared, Registry } from '../core/config/registry.js'
import { EXPORTERS } from '../exporters/index.js'
import { PROCESSORS } from '../processors/index.js'
import { COLLECTOR_HINTS } from './collector-hints.js'
import { DEFAULT_CONFIG, fitsDefault, TELEMETRY_BLOCK } from './product.js'

/** The registry with the given receivers (services/gateway/receivers/index.ts lists the built-in ones). */
export function registryWith(receivers: readonly Declared[]): Registry {
  return {
    receivers,
    processors: PROCESSORS,
    exporters: EXPORTERS,
    queues: ['embedded', 'memory', 'redis'],
    defaults: DEFAULT_CONFIG,
    fitsDefault,
    block: TELEMETRY_BLOCK,
    hints: COLLECTOR_HINTS
  }
}
