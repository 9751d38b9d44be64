// What can be wrong with a privacy setting when a component is made from it.

import { catalogue } from '../component/errors.js'

export const errors = catalogue({
  PRIVACY_NO_KEY: () =>
    'keyed hashing needs a key: set `key` (for example `key: ${env:HASH_KEY}`) or start the gateway with a data directory, where it keeps one of its own',
  PRIVACY_BAD_KEY: (what: string) =>
    `the hash key ${what}: give at least 16 characters, for example from \`openssl rand -hex 32\``,
  PRIVACY_BAD_PATTERN: (path: string, why: string) => `${path} is no RE2 pattern: ${why}`
})
