// The parts that ship, as CycloneDX: `npm run -s sbom > FILE`. npm's own list of everything without what it marks as for
// development. (`npm sbom --omit dev` also leaves out parts that something for development needs as well: npm 11.19 does.)

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const { name } = JSON.parse(readFileSync('package.json', 'utf8'))
const list = execFileSync(
  'npm',
  ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'],
  {
    encoding: 'utf8',
    maxBuffer: 1 << 26
  }
)
const sbom = JSON.parse(list)
const ships = ({ properties = [] }) => !properties.some(({ name }) => name === 'cdx:npm:package:development')

sbom.components = sbom.components.filter(ships)
const kept = new Set([sbom.metadata.component['bom-ref'], ...sbom.components.map(part => part['bom-ref'])])
sbom.dependencies = sbom.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter(other => kept.has(other)) }))
// npm names it after the folder.
sbom.metadata.component.name = name
process.stdout.write(`${JSON.stringify(sbom, null, 2)}\n`)
