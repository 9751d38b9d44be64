// Many words at once: an Aho-Corasick automaton over 32 symbols, as a dense table, because one load a byte is what it is
// for. Symbols: 1-26 letters (case folded), 27 any digit, 0 anything else, runs of which count once.

/**
 * A word that sets bits. A blank or punctuation in it stands for one or more characters that are neither letter nor digit;
 * `|` at either end means "not next to a letter or digit"; `0` stands for any digit.
 */
export interface Keyword {
  readonly word: string
  readonly bits: number
}

export interface Automaton {
  /** `next[state << 5 | symbol]`; scanning begins at state 0. */
  readonly next: Uint16Array
  /** Bits of the words that end at a state. */
  readonly outs: Int32Array
  /** Bits of the words that end at a state when the text ends there. */
  readonly ends: Int32Array
  /** A bit for each piece of three symbols: every word holds at least one of them. */
  readonly pieces: Uint8Array
}

const SYMBOLS = 32
const PIECES = SYMBOLS ** 3
/** Letters of English and of identifiers, the usual ones first: pieces of rare letters make the better filter. */
const USUAL = 'etaoinsrlcdpmuhgbfyvkwxqjz'

function symbolOf(char: number): number {
  if (char >= 0x30 && char <= 0x39) return 27
  const folded = char | 0x20
  return folded >= 0x61 && folded <= 0x7a ? folded - 0x60 : 0
}

export function automaton(keywords: readonly Keyword[]): Automaton {
  const trie: number[][] = [new Array<number>(SYMBOLS).fill(-1)]
  const out = [0]
  const ends = [0]
  const pieces = new Uint8Array(PIECES / 8)
  const step = (state: number, symbol: number): number => {
    let to = trie[state]![symbol]!
    if (to < 0) {
      to = trie.length
      trie[state]![symbol] = to
      trie.push(new Array<number>(SYMBOLS).fill(-1))
      out.push(0)
      ends.push(0)
    }
    return to
  }
  // The start of a text counts as a boundary: words with one in front are added with and without it; without it they
  // would match everywhere, so the automaton starts in the state "after a boundary" (symbol 0).
  const after = step(0, 0)
  for (const { word, bits } of keywords) {
    const symbols = symbolsOf(word)
    const close = word.endsWith('|')
    let state = 0
    for (const symbol of close ? symbols.slice(0, -1) : symbols) state = step(state, symbol)
    if (close) {
      ends[state]! |= bits
      state = step(state, 0)
    }
    out[state]! |= bits
    addPiece(pieces, symbols)
  }
  return { ...link(trie, out, ends, after), pieces }
}

/** The symbols of a word, boundaries included, runs of 0 once. */
function symbolsOf(word: string): number[] {
  const symbols: number[] = []
  for (const char of word) {
    const symbol = char === '|' ? 0 : symbolOf(char.charCodeAt(0))
    if (symbol !== 0 || symbols.at(-1) !== 0) symbols.push(symbol)
  }
  return symbols
}

/** Marks the rarest piece of a word; all pieces when it has none that must be there letter by letter. */
function addPiece(pieces: Uint8Array, symbols: readonly number[]): void {
  let best = -1
  let rarity = -1
  for (let i = 0; i + 3 <= symbols.length; i++) {
    const [a, b, c] = symbols.slice(i, i + 3) as [number, number, number]
    // A 0 in the middle may stand for several characters.
    if (b === 0) continue
    const rare = rarityOf(a) + rarityOf(b) + rarityOf(c)
    if (rare > rarity) {
      rarity = rare
      best = (a << 10) | (b << 5) | c
    }
  }
  if (best < 0) pieces.fill(0xff)
  else pieces[best >> 3]! |= 1 << (best & 7)
}

function rarityOf(symbol: number): number {
  if (symbol === 0) return 1
  return symbol === 27 ? 4 : 3 + USUAL.indexOf(String.fromCharCode(0x60 + symbol))
}

function link(
  trie: number[][],
  out: number[],
  ends: number[],
  after: number
): { next: Uint16Array; outs: Int32Array; ends: Int32Array } {
  const fail = new Array<number>(trie.length).fill(0)
  const afterOther = new Set<number>()
  for (const row of trie) if (row[0]! > 0) afterOther.add(row[0]!)
  const order: number[] = []
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    const to = trie[0]![symbol]!
    if (to < 0) trie[0]![symbol] = 0
    else order.push(to)
  }
  for (let i = 0; i < order.length; i++) {
    const state = order[i]!
    out[state]! |= out[fail[state]!]!
    ends[state]! |= ends[fail[state]!]!
    for (let symbol = 0; symbol < SYMBOLS; symbol++) {
      const to = trie[state]![symbol]!
      const fallback = trie[fail[state]!]![symbol]!
      if (to < 0) trie[state]![symbol] = symbol === 0 && afterOther.has(state) ? state : fallback
      else {
        fail[to] = fallback
        order.push(to)
      }
    }
  }
  // State 0 is swapped with "after a boundary", so that scanning can begin at 0.
  const swap = (state: number): number => (state === 0 ? after : state === after ? 0 : state)
  const next = new Uint16Array(trie.length * SYMBOLS)
  const outs = new Int32Array(trie.length)
  const endings = new Int32Array(trie.length)
  for (let state = 0; state < trie.length; state++) {
    const row = swap(state) * SYMBOLS
    for (let symbol = 0; symbol < SYMBOLS; symbol++) next[row + symbol] = swap(trie[state]![symbol]!)
    outs[swap(state)] = out[state]!
    endings[swap(state)] = ends[state]!
  }
  return { next, outs, ends: endings }
}
