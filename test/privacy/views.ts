// Everything a curious reader could make of a string: undoes every encoding of the corpus, on its own code.

import { fold } from './values.js'

const ENTITIES: Readonly<Record<string, string>> = {
  commat: '@',
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  period: '.',
  apos: "'"
}
const DEEPEST = 3
const RUN = /[A-Za-z0-9+/_-]{8,}={0,2}/g

/** The string itself and every decoded form of it or of a run inside it, folded; no form twice. */
export function viewsOf(text: string): string[] {
  const seen = new Set([text])
  let level = [text]
  for (let depth = 0; depth < DEEPEST && level.length > 0; depth++) {
    const next: string[] = []
    for (const form of level.flatMap(decodings)) {
      if (seen.has(form)) continue
      seen.add(form)
      next.push(form)
    }
    level = next
  }
  return [...new Set([...seen].map(fold))]
}

/** Letters and digits of an already folded view. */
export const compactView = (view: string): string => view.replace(/[^\p{L}\p{N}]+/gu, '')

function decodings(text: string): string[] {
  const found: string[] = []
  if (text.includes('%')) found.push(unpercent(text))
  if (text.includes('\\u'))
    found.push(
      text.replace(/\\u([0-9a-fA-F]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    )
  if (text.includes('&')) found.push(text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]+));/g, entity))
  for (const run of text.match(RUN) ?? []) {
    // A slash, dash or underscore may belong to the code or to the text around it.
    for (const part of new Set([run, ...run.split(/[/_-]/)])) {
      const decoded = part.length < 8 ? undefined : unbase64(part)
      if (decoded !== undefined) found.push(decoded)
    }
  }
  return found
}

function unpercent(text: string): string {
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, run => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'))
}

function entity(whole: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) return ENTITIES[name] ?? whole
  const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex as string, 16)
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole
}

/** Text only: what decodes to binary is no view anybody reads. */
function unbase64(run: string): string | undefined {
  const text = Buffer.from(run, /[-_]/.test(run) ? 'base64url' : 'base64').toString('utf8')
  const strange = text.match(/[\ufffd\x00-\x08\x0e-\x1f\x7f]/g)?.length ?? 0
  return text.length > 3 && strange * 20 <= text.length ? text : undefined
}
