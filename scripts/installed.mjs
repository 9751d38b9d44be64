// Before a build: says what to do where `npm ci` has not run or Node is too old, instead of what the compiler would say.

import { existsSync, readFileSync } from 'node:fs'

const { engines, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
const numbers = version => version.match(/\d+/g).map(Number)
const [wanted, got] = [numbers(engines.node), numbers(process.versions.node)]
const first = wanted.findIndex((n, i) => n !== got[i])
if (first >= 0 && got[first] < wanted[first]) {
  console.error(
    `This needs Node ${wanted.join('.')} or newer; here runs ${process.versions.node}. Install it from nodejs.org, then: npm ci`
  )
  process.exit(1)
}
const missing = Object.keys(devDependencies).filter(name => !existsSync(`node_modules/${name}`))
if (missing.length > 0) {
  const which =
    missing.length > 3 ? `${missing.slice(0, 3).join(', ')} and ${missing.length - 3} more` : missing.join(', ')
  console.error(`Not installed: ${which}. Run first: npm ci`)
  process.exit(1)
}
