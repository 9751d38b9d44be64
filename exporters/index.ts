// The built-in exporter types: one import and one line each. The order here is the order of the reference pages.

import type { ExporterDeclaration } from '../core/component/exporter.js'

export const EXPORTERS: readonly ExporterDeclaration[] = []
