// Writes what is made from the schemas: docs/reference and the chart's README and values schema (`npm run docs:generate`).

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { referenceFiles } from '../../core/config/reference.js'
import { RECEIVERS } from '../gateway/receivers/index.js'
import { registryWith } from '../registry.js'
import { chartReadme, valuesSchema } from './chart-files.js'
import { errorsPage } from './docs-errors.js'
import { metricsPage } from './docs-metrics.js'

const registry = registryWith(RECEIVERS)
const folder = new URL('../../../docs/reference/', import.meta.url)
mkdirSync(folder, { recursive: true })
for (const [name, content] of referenceFiles(registry)) writeFileSync(new URL(name, folder), content)
writeFileSync(new URL('errors.md', folder), errorsPage(fileURLToPath(new URL('../../../', import.meta.url))))
writeFileSync(new URL('metrics.md', folder), await metricsPage(registry))

const chart = new URL('../../../charts/gateway/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, chart), 'utf8')
writeFileSync(new URL('values.schema.json', chart), valuesSchema(read('values.yaml'), registry))
writeFileSync(new URL('README.md', chart), chartReadme(read('README.md.gotmpl'), read('values.yaml')))
