// Writes docs/reference from the schemas: `npm run docs:generate`.

import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { referenceFiles } from '../../core/config/reference.js'
import { RECEIVERS } from '../gateway/receivers/index.js'
import { registryWith } from '../registry.js'
import { errorsPage } from './docs-errors.js'

const folder = new URL('../../../docs/reference/', import.meta.url)
mkdirSync(folder, { recursive: true })
for (const [name, content] of referenceFiles(registryWith(RECEIVERS))) writeFileSync(new URL(name, folder), content)
writeFileSync(new URL('errors.md', folder), errorsPage(fileURLToPath(new URL('../../../', import.meta.url))))
