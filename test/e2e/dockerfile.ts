// A Dockerfile as far as ours goes: stages and their instructions; and which files .dockerignore keeps out.

export interface Instruction {
  readonly word: string
  readonly text: string
}

/** Instructions by name of the stage, in order. */
export function stagesOf(dockerfile: string): ReadonlyMap<string, readonly Instruction[]> {
  const stages = new Map<string, Instruction[]>()
  let current: Instruction[] = []
  const lines = dockerfile
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
  for (const line of lines) {
    const [, word, text] = /^([A-Z]+) (.*)$/.exec(line.trim()) ?? []
    if (word === undefined || text === undefined) continue
    if (word === 'FROM') stages.set(/ AS (\S+)$/.exec(text)![1]!, (current = []))
    else current.push({ word, text })
  }
  return stages
}

/** Whether a path of the context is left out; the last line that fits decides, `!` takes back. */
export function isIgnored(path: string, lines: readonly string[]): boolean {
  let out = false
  for (const line of lines) {
    const isBack = line.startsWith('!')
    const pattern = isBack ? line.slice(1) : line
    if (pattern === '') continue
    if (path === pattern || path.startsWith(`${pattern}/`) || fitsEnd(path, pattern)) out = !isBack
  }
  return out
}

/** `**` + `/*.ext`: files with that end, in any folder. */
function fitsEnd(path: string, pattern: string): boolean {
  return pattern.startsWith('**/*') && path.endsWith(pattern.slice('**/*'.length))
}
