// `${env:NAME}`, `${env:NAME:-default}`, `${NAME}` and `${file:PATH}` in the values of a config file, as in the
// OpenTelemetry Collector: `$$` is one `$`; a value that is nothing but one reference is read as YAML, so that
// `${env:PORT}` is a number where a number is wanted. Keys are not substituted.

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { ConfigProblem, Path } from './problem.js'
import { problem } from './problem.js'
import type { Position, Resolve, Scalar, Tree } from './tree.js'
import { treeOf } from './tree.js'

/** Shorter values are words of the config language as likely as credentials. */
const SHORTEST = 4

/** A problem in which nothing stands that came out of a secret reference, whoever worded it. */
export function withoutSecrets(found: ConfigProblem, hidden: ReadonlySet<string>): ConfigProblem {
  let { says, fix } = found
  for (const value of hidden) {
    says = says.replaceAll(value, HIDDEN)
    fix = fix?.replaceAll(value, HIDDEN)
  }
  return { ...found, says, ...(fix === undefined ? {} : { fix }) }
}

const HIDDEN = '[REDACTED]'

export type Env = Readonly<Record<string, string | undefined>>

const REFERENCE = /\$\$|\$\{([^}]*)\}|\$\{/g
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
/** Variables whose value `explain` shows as the reference, whatever field it stands in. */
const SECRETIVE = /KEY|TOKEN|SECRET|PASS|PWD|AUTH|CREDENTIAL|DSN|SALT/i

/**
 * A resolver for core/config/tree.ts that reads `env` and files and reports what it cannot find.
 * @param hidden gets every value that may be a credential, for `withoutSecrets`
 */
export function substitution(env: Env, problems: ConfigProblem[], hidden: Set<string>): Resolve {
  return (text, at, path) => {
    const whole = /^\$\{([^}]*)\}$/.exec(text)
    const look = (reference: string) => {
      const found = lookUp(reference, env, at, path, problems)
      if (found.hidden && found.text.length >= SHORTEST) hidden.add(found.text)
      return found
    }
    if (whole !== null) return wholeValue(text, look(whole[1]!), at)
    let isHidden = false
    const value = text.replace(REFERENCE, (match, reference: string | undefined) => {
      if (match === '$$') return '$'
      if (reference === undefined) {
        problems.push(
          wrong(at, path, '`${` without its `}`', 'Close it, or write `$${` for the two characters themselves.')
        )
        return ''
      }
      const found = look(reference)
      isHidden ||= found.hidden
      return found.text
    })
    return { kind: 'scalar', at, value, raw: value, ...(isHidden ? { shownAs: text } : {}) }
  }
}

function wholeValue(text: string, found: Found, at: Position): Tree {
  const hide = found.hidden ? { shownAs: text } : {}
  const value = asYaml(found.text)
  if (value !== null && typeof value === 'object' && !found.hidden) return treeOf(value, at)
  const scalar = typeof value === 'object' && value !== null ? found.text : (value as Scalar)
  return { kind: 'scalar', at, value: scalar, raw: found.text, ...hide }
}

/** Text that does not parse as YAML stays text. */
function asYaml(text: string): unknown {
  try {
    const value: unknown = parse(text)
    return typeof value === 'bigint' ? text : value
  } catch {
    return text
  }
}

interface Found {
  readonly text: string
  readonly hidden: boolean
}

const NOTHING: Found = { text: '', hidden: false }

function lookUp(reference: string, env: Env, at: Position, path: Path, problems: ConfigProblem[]): Found {
  const colon = reference.indexOf(':')
  const scheme = colon < 0 || reference.startsWith(':-', colon) ? 'env' : reference.slice(0, colon)
  const rest = scheme === 'env' && !reference.startsWith('env:') ? reference : reference.slice(colon + 1)
  if (scheme === 'file') return fromFile(rest, at, path, problems)
  if (scheme === 'env') return fromEnv(rest, env, at, path, problems)
  problems.push(
    wrong(
      at,
      path,
      `\`\${${scheme}:...}\` is not known`,
      'Use `${env:NAME}`, `${env:NAME:-default}` or `${file:PATH}`; `$$` is a plain `$`.'
    )
  )
  return NOTHING
}

function fromEnv(rest: string, env: Env, at: Position, path: Path, problems: ConfigProblem[]): Found {
  const cut = rest.indexOf(':-')
  const name = cut < 0 ? rest : rest.slice(0, cut)
  if (!NAME.test(name)) {
    problems.push(
      wrong(at, path, `"${name}" is not the name of an environment variable`, 'Names hold letters, digits and `_`.')
    )
    return NOTHING
  }
  const value = env[name] ?? (cut < 0 ? undefined : rest.slice(cut + 2))
  if (value !== undefined) return { text: value, hidden: SECRETIVE.test(name) }
  problems.push(
    wrong(
      at,
      path,
      `environment variable ${name} is not set`,
      `Set ${name}, or give a default: \`\${env:${name}:-...}\`.`
    )
  )
  return NOTHING
}

function fromFile(name: string, at: Position, path: Path, problems: ConfigProblem[]): Found {
  try {
    return { text: readFileSync(name, 'utf8').replace(/\r?\n$/, ''), hidden: true }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    problems.push(wrong(at, path, `file ${name} cannot be read (${code})`, 'Check the path and who may read it.'))
    return NOTHING
  }
}

function wrong(at: Position, path: Path, says: string, fix: string): ConfigProblem {
  return problem('error', 'CONFIG_SUBSTITUTION', at, path, says, fix)
}
