// Interned attribute keys. A key's bytes are looked up once per attribute; what processors want to know about it (which
// rule, which context words) is worked out once per distinct key and kept on the key.

/** A distinct attribute key. Equal keys are the same object within a generation of the table. */
export class Key {
  /** The key as text. Invalid UTF-8 decodes with replacement characters. */
  readonly text: string
  /** The key's bytes; a private copy. */
  readonly bytes: Buffer
  /** Filled by `keyMemo`. */
  readonly memo: unknown[] = []
  /** The walk's own. A bit for each visitor that wants attributes of this key; -1 = not asked yet. */
  wanted = -1
  /** The walk's own. A bit for each place where the key's own text was shown to every visitor and left as it is. */
  quiet = 0
  /** The walk's own. A bit for each place in which the sieve of generation `taughtIn` knows it. */
  taught = 0
  taughtIn = 0
  #words: readonly string[] | undefined

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.text = bytes.toString('utf8')
  }

  /** Lower-case words: split on every non-alphanumeric character and on camel case. `userEmail_2` -> user, email, 2. */
  get words(): readonly string[] {
    this.#words ??= this.text
      .replace(/(\p{Ll}|\d)(\p{Lu})/gu, '$1 $2')
      .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
      .toLowerCase()
      .split(/[^\p{L}\p{N}]+/u)
      .filter(word => word !== '')
    return this.#words
  }
}

let slots = 0

/** Remembers `compute(key)` on the key itself: one array load a call after the first. `undefined` results are recomputed. */
export function keyMemo<T>(compute: (key: Key) => T): (key: Key) => T {
  const slot = slots++
  return key => {
    const known = key.memo[slot]
    if (known !== undefined) return known as T
    const fresh = compute(key)
    while (key.memo.length <= slot) key.memo.push(undefined)
    key.memo[slot] = fresh
    return fresh
  }
}
