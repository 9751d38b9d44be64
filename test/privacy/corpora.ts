// The corpora by name: what `--corpus` takes and what each has a bar for.

import type { CorpusOptions, Request } from './assemble.js'
import { corpus } from './corpus.js'
import { secondCorpus } from './second/corpus.js'

export type CorpusName = 'first' | 'second' | 'heldout'

export const CORPORA: Readonly<Record<CorpusName, (options: CorpusOptions) => Iterable<Request>>> = {
  first: corpus,
  second: options => secondCorpus('second', options),
  heldout: options => secondCorpus('heldout', options)
}

export const CORPUS_NAMES = Object.keys(CORPORA) as CorpusName[]

/** Of the held-out corpus only totals are shown and kept, so that nobody fits a detector to its rows. */
export const isTotalsOnly = (name: CorpusName): boolean => name === 'heldout'
