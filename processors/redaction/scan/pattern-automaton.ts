// A pattern of the configuration as a deterministic automaton over ASCII that says whether it matches somewhere. It runs where
// the texts are (core/otlp/sieve), so that RE2 is called for texts with a match alone. One each and not one for all: together
// their states multiply. Subset construction with the
// assertions decided when the next character is known; given up when it grows too large.

import type { Matcher } from '../../../core/otlp/sieve/sieve.js'
import { holds, programOf, type Step, WORD } from './pattern-syntax.js'

const MAX_STATES = 2000
const END = 128
const FOUND = 1

/** The automaton; undefined when the pattern is not understood or needs too many states. */
export function automatonOf(pattern: string): Matcher | undefined {
  try {
    return new Builder(programOf(pattern)).build()
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** What is known before a character: where in the program one may be, and what stood before. */
interface State {
  readonly at: readonly number[]
  readonly afterWord: boolean
  readonly isFirst: boolean
}

class Builder {
  readonly #program: readonly Step[]
  readonly #classes = new Uint8Array(129)
  readonly #samples: number[] = []
  readonly #ids = new Map<string, number>()
  readonly #states: (State | undefined)[] = [undefined, undefined]

  constructor(program: readonly Step[]) {
    this.#program = program
    this.#classify()
  }

  /** State 0 begins, state 1 has found. @throws SyntaxError when there are too many. */
  build(): Matcher {
    const width = this.#samples.length
    const rows: number[][] = []
    this.#states[0] = { at: [0], afterWord: false, isFirst: true }
    for (let id = 0; id < this.#states.length; id++) {
      const state = this.#states[id]
      rows.push(state === undefined ? new Array(width).fill(FOUND) : this.#samples.map(c => this.#step(state, c)))
    }
    return {
      classes: this.#classes.slice(0, 128),
      end: this.#classes[END]!,
      width,
      next: Uint16Array.from(rows.flat())
    }
  }

  /** Characters that no step tells apart are one. */
  #classify(): void {
    const sets = this.#program.flatMap(step => (step.op === 'char' ? [step.set] : []))
    const known = new Map<string, number>()
    for (let c = 0; c <= END; c++) {
      const says = c === END ? 'end' : [WORD, ...new Set(sets)].map(set => Number(holds(set, c))).join('')
      let id = known.get(says)
      if (id === undefined) {
        id = known.size
        known.set(says, id)
        this.#samples.push(c)
      }
      this.#classes[c] = id
    }
  }

  /** The state behind `c`. */
  #step(state: State, c: number): number {
    const isWord = c < END && holds(WORD, c)
    const to = new Set<number>([0])
    const seen = new Set<number>()
    const open = [...state.at]
    while (open.length > 0) {
      const at = open.pop()!
      if (seen.has(at)) continue
      seen.add(at)
      const step = this.#program[at]!
      if (step.op === 'match') return FOUND
      if (step.op === 'split') open.push(step.next, step.other)
      else if (step.op === 'char') {
        if (c < END && holds(step.set, c)) to.add(step.next)
      } else if (isTrue(step, state, c, isWord)) open.push(step.next)
    }
    // Behind the end nothing comes: any state will do.
    return c === END ? 0 : this.#idOf({ at: [...to].sort((a, b) => a - b), afterWord: isWord, isFirst: false })
  }

  #idOf(state: State): number {
    const key = `${state.at} ${state.afterWord}`
    let id = this.#ids.get(key)
    if (id === undefined) {
      if (this.#states.length >= MAX_STATES) throw new SyntaxError('too many states')
      id = this.#states.push(state) - 1
      this.#ids.set(key, id)
    }
    return id
  }
}

function isTrue(step: Step & { op: 'assert' }, { afterWord, isFirst }: State, c: number, isWord: boolean): boolean {
  switch (step.assertion) {
    case 'begin':
      return isFirst
    case 'end':
      return c === END
    case 'word':
      return afterWord !== isWord
    case 'no_word':
      return afterWord === isWord
  }
}
