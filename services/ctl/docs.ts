// Writes docs/reference from the schemas: `npm run docs:generate`.

import { mkdirSync, writeFileSync } from 'node:fs'
import { referenceFiles } from '../../core/config/reference.js'
import { RECEIVERS } from '../gateway/receivers/index.js'
import { registryWith } from '../registry.js'

const folder = new URL('../../../docs/reference/', import.meta.url)
mkdirSync(folder, { recursive: true })
for (const [name, content] of referenceFiles(registryWith(RECEIVERS))) writeFileSync(new URL(name, folder), content)
