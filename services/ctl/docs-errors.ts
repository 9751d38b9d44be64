// The page of error codes, read from the catalogues in the source: a code that is not on it cannot exist.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ErrorText {
  readonly code: string
  /** The text, with `<name>` for what is filled in. */
  readonly text: string
  /** Where the catalogue is, relative to the project. */
  readonly file: string
}

const ROOMS = ['core', 'processors', 'exporters', 'services']

/** All catalogued errors of the source tree at `root`, by code. */
export function errorTexts(root: string): readonly ErrorText[] {
  const found = ROOMS.flatMap(room => sources(root, room)).flatMap(file =>
    textsIn(readFileSync(join(root, file), 'utf8'), file)
  )
  return found.sort((a, b) => (a.code < b.code ? -1 : 1))
}

export function errorsPage(root: string): string {
  const rows = errorTexts(root).map(
    ({ code, text, file }) =>
      `| \`${code}\` | ${text.replaceAll('|', '\\|')} | ${file.split('/').slice(0, 2).join('/')} |`
  )
  return `# Error codes

Every error of the gateway has a code that never changes its meaning. It is in the \`code\` field of the log line, and the text says
what happened, where, and what to do. Problems of a config file have codes of their own (\`CONFIG_...\`), see
[configuration](../configuration.md). This page is generated.

| code | text | raised in |
| --- | --- | --- |
${rows.join('\n')}
`
}

function sources(root: string, dir: string): string[] {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap(entry => {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) return sources(root, path)
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts') ? [path] : []
  })
}

function textsIn(source: string, file: string): ErrorText[] {
  const found: ErrorText[] = []
  for (const { index } of source.matchAll(/\bcatalogue\(\{/g)) {
    const end = source.indexOf('\n})', index)
    const body = source.slice(index, end < 0 ? undefined : end)
    const codes = [...body.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)]
    codes.forEach((match, i) => {
      const part = body.slice(match.index, codes[i + 1]?.index)
      found.push({ code: match[1]!, text: textOf(part), file })
    })
  }
  return found
}

/** The string and template literals behind the arrow, joined; `${name}` reads `<name>`. */
function textOf(part: string): string {
  const arrow = part.slice(part.indexOf('=>') + 2)
  const literals = arrow.match(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`/g) ?? []
  const text = literals.map(literal => literal.slice(1, -1).replace(/\\(.)/g, '$1')).join('')
  return text
    .replace(/\$\{([^}]*)\}/g, (_, name: string) => `<${/[\w.]+/.exec(name)?.[0] ?? 'value'}>`)
    .replace(/\s+/g, ' ')
}
