// Where the summary goes: drawn over itself on a terminal, a line now and then elsewhere.

export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface Screen {
  /** Shows the picture as it is now; both are made only when they are shown. */
  show(lines: () => readonly string[], line: () => string): void
  /** Leaves the last picture standing. */
  end(lines: readonly string[]): void
}

const LINE_EVERY_MS = 5000

export function screenFor(terminal: Terminal, now: () => number): Screen {
  return terminal.isTTY === true ? new Drawn(terminal) : new Plain(terminal, now)
}

class Drawn implements Screen {
  readonly #terminal: Terminal
  #height = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  show(lines: () => readonly string[]): void {
    const width = this.#terminal.columns ?? 80
    const picture = lines().map(line => line.slice(0, width - 1))
    const up = this.#height > 0 ? `\u001b[${this.#height}A` : ''
    this.#terminal.write(`${up}${picture.map(line => `\u001b[2K${line}\n`).join('')}\u001b[J`)
    this.#height = picture.length
  }

  end(lines: readonly string[]): void {
    this.show(() => lines)
  }
}

class Plain implements Screen {
  readonly #terminal: Terminal
  readonly #now: () => number
  #shownAt = Number.NEGATIVE_INFINITY

  constructor(terminal: Terminal, now: () => number) {
    this.#terminal = terminal
    this.#now = now
  }

  show(_lines: () => readonly string[], line: () => string): void {
    if (this.#now() - this.#shownAt < LINE_EVERY_MS) return
    this.#shownAt = this.#now()
    this.#terminal.write(`${line()}\n`)
  }

  end(lines: readonly string[]): void {
    this.#terminal.write(`${lines.join('\n')}\n`)
  }
}
