// The words of a text: runs of letters, split at camel case. Most words of a text are in no list of anybody's, so they
// are told apart by a hash made while their letters are read, and spelled out only when they are known.

export interface Word {
  /** In lower case; '' in the words of a lexicon that does not know it. */
  readonly text: string
  readonly start: number
  readonly end: number
}

/** All words of a text, spelled out. */
export function wordsOf(text: string): Word[] {
  return NO_WORDS.wordsOf(text).map(({ start, end }) => ({ text: text.slice(start, end).toLowerCase(), start, end }))
}

/** A fixed set of lower-case words, found in a text without copying any of it. */
export class Lexicon {
  readonly #words: readonly string[]
  /** Open addressing: 1 + the index of a word; 0 = free. At most a quarter full. */
  readonly #slots: Int32Array

  constructor(words: Iterable<string>) {
    this.#words = [...new Set(words)].filter(word => /^[a-z]+$/.test(word))
    let size = 4
    while (size < this.#words.length * 4) size *= 2
    this.#slots = new Int32Array(size)
    for (const [i, word] of this.#words.entries()) {
      let slot = hashOf(word) & (size - 1)
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (size - 1)
      this.#slots[slot] = i + 1
    }
  }

  /** The words of a text. Those that are not known have no `text`; those with letters beyond ASCII always have. */
  wordsOf(text: string): Word[] {
    const words: Word[] = []
    for (let i = 0; i < text.length; ) {
      let code = text.charCodeAt(i)
      if (!isLetter(code)) {
        i++
        continue
      }
      const start = i++
      let hash = code | 0x20
      let all = code
      if (code !== 68 || !isDefine(text, start))
        for (; i < text.length; i++) {
          code = text.charCodeAt(i)
          if (!isLetter(code) || (isUpper(code) && turns(text, i))) break
          hash = Math.imul(hash, 31) + (code | 0x20)
          all |= code
        }
      // sha256, md5, address1: digits inside a word stay out of it, but `sha1` style words keep theirs by the phrase list.
      words.push({ text: all < 128 ? this.#find(text, start, i, hash) : lower(text, start, i), start, end: i })
    }
    return words
  }

  #find(text: string, start: number, end: number, hash: number): string {
    const slots = this.#slots
    for (let slot = hash & (slots.length - 1); ; slot = (slot + 1) & (slots.length - 1)) {
      const index = slots[slot]!
      if (index === 0) return ''
      const word = this.#words[index - 1]!
      if (word.length === end - start && isAt(text, start, word)) return word
    }
  }
}

const NO_WORDS = new Lexicon([])

function lower(text: string, start: number, end: number): string {
  return text.slice(start, end).toLowerCase()
}

function hashOf(word: string): number {
  let hash = word.charCodeAt(0)
  for (let i = 1; i < word.length; i++) hash = Math.imul(hash, 31) + word.charCodeAt(i)
  return hash
}

/** Whether the lower-case `word` stands at `start` in any case; the text has nothing but letters there. */
function isAt(text: string, start: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if ((text.charCodeAt(start + i) | 0x20) !== word.charCodeAt(i)) return false
  return true
}

/** `-Dpassword=x` */
function isDefine(text: string, start: number): boolean {
  return text[start - 1] === '-' && !/[\w-]/.test(text[start - 2] ?? ' ')
}

/** A new word of camel case begins with the capital at `i`: aB, or the B of ABc. */
function turns(text: string, i: number): boolean {
  if (!isUpper(text.charCodeAt(i - 1))) return true
  const after = i + 1 < text.length ? text.charCodeAt(i + 1) : 0
  return isLetter(after) && !isUpper(after)
}

function isUpper(code: number): boolean {
  return code >= 65 && code <= 90
}

function isLetter(code: number): boolean {
  if (code < 0x80) return (code >= 97 && code <= 122) || isUpper(code)
  // Not the signs of multiplication and division, nor arrows and other symbols.
  return (
    code >= 0xc0 &&
    code !== 0xd7 &&
    code !== 0xf7 &&
    !(code >= 0x2000 && code < 0x2c00) &&
    !(code >= 0x3000 && code < 0x3005)
  )
}
