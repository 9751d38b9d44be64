// What the pages of the documentation show, taken out of their Markdown, so that docs-pages.test.ts can hold it against the code.
//
// A block that begins with ```yaml is a whole gateway config and must load. YAML of anything else (Prometheus, Compose, Helm) and
// parts of a config say so in the same line: ```yaml prometheus, ```yaml fragment; these must only be YAML.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** A fenced block, or one that is indented by four blanks. */
export interface Block {
  /** Line of its first line of text, from 1. */
  readonly line: number
  /** What stands behind the fence; empty for indented blocks. */
  readonly info: string
  readonly text: string
}

export interface Link {
  readonly line: number
  readonly target: string
}

export interface Page {
  /** Path from the project's root. */
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
  /** Code between single backticks in running text. */
  readonly spans: readonly Block[]
  readonly links: readonly Link[]
  /** What `#...` may name, as GitHub makes it of the headings. */
  readonly anchors: ReadonlySet<string>
}

const SKIPPED = new Set(['node_modules', 'dist', '.git', '.tap', 'data'])

/** Every Markdown page of the project. */
export function pagesOf(root: string): readonly Page[] {
  return markdownIn(root, root).map(path => pageOf(path, readFileSync(join(root, path), 'utf8')))
}

function markdownIn(root: string, dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap(entry => {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : markdownIn(root, path)
    return entry.name.endsWith('.md') ? [relative(root, path)] : []
  })
}

/** One page, cut up. */
export function pageOf(path: string, text: string): Page {
  const blocks: Block[] = []
  const prose: string[] = []
  let fence: { line: number; info: string; lines: string[]; end: RegExp } | undefined
  let indented: { line: number; lines: string[] } | undefined
  const closeIndented = () => {
    if (indented !== undefined) blocks.push({ line: indented.line, info: '', text: indented.lines.join('\n') })
    indented = undefined
  }
  for (const [i, line] of text.split('\n').entries()) {
    prose.push('')
    if (fence !== undefined) {
      if (fence.end.test(line)) {
        blocks.push({ line: fence.line, info: fence.info, text: `${fence.lines.join('\n')}\n` })
        fence = undefined
      } else fence.lines.push(line)
      continue
    }
    const open = /^ {0,3}(`{3,})(.*)$/.exec(line)
    if (open !== null) {
      closeIndented()
      fence = { line: i + 2, info: open[2]!.trim(), lines: [], end: new RegExp(`^ {0,3}${open[1]}\\s*$`) }
    } else if (/^ {4}\S/.test(line) || (indented !== undefined && /^( {4}|\s*$)/.test(line))) {
      indented ??= { line: i + 1, lines: [] }
      indented.lines.push(line.slice(4))
    } else {
      closeIndented()
      prose[i] = line
    }
  }
  closeIndented()
  return { path, text, blocks, spans: spansIn(prose), links: linksIn(prose), anchors: anchorsIn(prose) }
}

function spansIn(prose: readonly string[]): Block[] {
  return prose.flatMap((line, i) =>
    [...line.matchAll(/(?<!`)`([^`]+)`(?!`)/g)].map(([, text]) => ({ line: i + 1, info: '', text: text! }))
  )
}

function linksIn(prose: readonly string[]): Link[] {
  return prose.flatMap((line, i) =>
    [...line.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => ({
      line: i + 1,
      target: target!
    }))
  )
}

function anchorsIn(prose: readonly string[]): Set<string> {
  const found = new Set<string>()
  for (const line of prose) {
    const heading = /^#{1,6} (.*)$/.exec(line)?.[1]
    if (heading !== undefined) found.add(unique(slug(heading), found))
    for (const [, id] of line.matchAll(/<a (?:id|name)="([^"]+)"/g)) found.add(id!)
  }
  return found
}

function slug(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-')
}

function unique(id: string, taken: ReadonlySet<string>): string {
  let n = 0
  let name = id
  while (taken.has(name)) name = `${id}-${++n}`
  return name
}

/** The file and the anchor that a relative link leads to; undefined for other links. */
export function targetOf(page: Page, { target }: Link): { path: string; anchor: string } | undefined {
  if (/^[a-z]+:/i.test(target)) return undefined
  const [file = '', anchor = ''] = target.split('#')
  return { path: file === '' ? page.path : join(dirname(page.path), decodeURIComponent(file)), anchor }
}

/** Shell commands of a block: comments, prompts and variables in front gone, lines that go on joined, pipes cut. */
export function shellLines({ line, text }: Block): { line: number; words: readonly string[] }[] {
  const joined = text.replace(/\\\n/g, ' \u0001')
  return joined.split('\n').flatMap((one, i, all) => {
    const at = line + i + all.slice(0, i).join('').split('\u0001').length - 1
    return one
      .replaceAll('\u0001', '')
      .split(/\s(?:\|\|?|&&|;)\s|\$\(|\)(?=["\s]|$)/)
      .map(part => ({ line: at, words: wordsOf(part) }))
      .filter(({ words }) => words.length > 0)
  })
}

/** Quotes removed; ends at a comment, a redirection or a gap of several blanks, behind which pages explain. */
function wordsOf(part: string): string[] {
  const command = part
    .trim()
    .replace(/^\$ /, '')
    .split(/\s{3,}|\s#|\s&$|\s\d?[<>]/)[0]!
  const words = [...command.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => word.replace(/["']/g, ''))
  const first = words.findIndex(word => !/^[A-Z_][A-Z0-9_]*=/.test(word))
  return first < 0 ? [] : words.slice(first)
}
