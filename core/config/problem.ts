// What is wrong with a config file, and where: every problem says file, line, path, what and what to do.

import type { Position } from './tree.js'

export type Path = readonly (string | number)[]

/** One finding. Errors stop the start; warnings and notes do not. Never holds a secret's text. */
export interface ConfigProblem {
  readonly severity: 'error' | 'warning' | 'note'
  /** Stable, for docs and scripts: `CONFIG_UNKNOWN_KEY`. */
  readonly code: ProblemCode
  readonly file: string
  /** From 1; 0 when there is no place (no file, an option of the command line). */
  readonly line: number
  readonly column: number
  /** `processors.redaction.blocked_values[2]`; empty for the whole file. */
  readonly path: string
  readonly says: string
  /** What to do about it. */
  readonly fix?: string
}

/** All codes, with their meaning for the docs. */
export const PROBLEM_CODES = {
  CONFIG_UNREADABLE: 'The config file cannot be read.',
  CONFIG_SYNTAX: 'The text is not YAML.',
  CONFIG_SUBSTITUTION: 'A `${...}` reference cannot be resolved.',
  CONFIG_UNKNOWN_KEY: 'A key that nothing reads; mostly a typing error.',
  CONFIG_MISSING_KEY: 'A required key is not there.',
  CONFIG_WRONG_TYPE: 'A value of the wrong kind: text for a list, a number without its unit.',
  CONFIG_WRONG_VALUE: 'A value of the right kind that is not allowed.',
  CONFIG_UNKNOWN_TYPE: 'A component type that this gateway does not have.',
  CONFIG_UNDEFINED: 'A pipeline names a component that is not defined.',
  CONFIG_SIGNAL: 'A component in a pipeline whose signal it does not take.',
  CONFIG_EMPTY_PIPELINE: 'A pipeline without receivers or exporters.',
  CONFIG_NO_PIPELINES: 'Nothing would run.',
  CONFIG_DUPLICATE: 'Something is listed twice.',
  CONFIG_UNUSED: 'A component that no pipeline uses.',
  CONFIG_ALIAS: 'An older or other name, accepted.',
  CONFIG_NO_EFFECT: 'A setting that is accepted and does nothing here.',
  CONFIG_ORDER: 'Processors that will run in another order than written.',
  CONFIG_DEFAULTED: 'A part that the file leaves out and the defaults fill.',
  CONFIG_COMPONENT: 'A component refuses its own settings.'
} as const

export type ProblemCode = keyof typeof PROBLEM_CODES

/** Makes a problem at a place. */
export function problem(
  severity: ConfigProblem['severity'],
  code: ProblemCode,
  at: Position,
  path: Path,
  says: string,
  fix?: string
): ConfigProblem {
  const { file, line, column } = at
  return { severity, code, file, line, column, path: pathText(path), says, ...(fix === undefined ? {} : { fix }) }
}

/** `['processors', 'redaction', 'blocked_values', 2]` -> `processors.redaction.blocked_values[2]`. */
export function pathText(path: Path): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[\w/-]+$/.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(part)}]`
  }
  return text
}

/** The other way round; also takes `a.b.2`. */
export function parsePath(text: string): Path {
  const path: (string | number)[] = []
  for (const [, quoted, index, key] of text.matchAll(/\[("(?:[^"\\]|\\.)*")\]|\[(\d+)\]|([^.[\]]+)/g)) {
    if (quoted !== undefined) path.push(JSON.parse(quoted) as string)
    else if (index !== undefined) path.push(Number(index))
    else path.push(/^\d+$/.test(key!) ? Number(key) : key!)
  }
  return path
}

/** `gateway.yaml:12:5: error: processors.redaction.mode: ... -> what to do`, for terminals. */
export function problemText(p: ConfigProblem): string {
  const place = p.line > 0 ? `${p.file}:${p.line}:${p.column}` : p.file
  const path = p.path === '' ? '' : `${p.path}: `
  return `${place}: ${p.severity}: ${path}${p.says}${p.fix === undefined ? '' : `\n    -> ${p.fix}`}`
}
