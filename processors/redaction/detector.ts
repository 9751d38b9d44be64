// What a detector is: one declaration a file in detectors/. Tests, the docs table and the `detectors` option come from
// the list in detectors/index.ts; adding one is one file and one line there.

import type { Needs } from './scan/pattern-needs.js'
import type { Scan } from './scan/scan.js'

export type Family = 'contact' | 'financial' | 'identity' | 'network' | 'secret'

/** Precedence where two detectors claim the same characters and are equally long: lower wins. */
export const Rank = { key: 0, vendor: 1, checked: 2, loose: 3 } as const
export type Rank = (typeof Rank)[keyof typeof Rank]

/**
 * An example: a text, or the text with the key it stands under. What must be redacted is between ‹ and › in it.
 */
export type Example = string | { readonly key: string; readonly text: string }

export interface Detector {
  /** The name in `[REDACTED:name]`, in the `detectors` option and in metrics. Never changed, never reused. */
  readonly name: string
  readonly family: Family
  /** What it looks for, one line. */
  readonly about: string
  /** What makes a candidate a hit, one line. */
  readonly checks: string
  readonly rank: Rank
  /** Any of these tier 1 triggers wakes it (`Trigger`). */
  readonly when: number
  /** What a text must hold for it, for a detector that no trigger can wake: it sees every text that holds that. */
  readonly needs?: Needs
  /** Phrases that, as key or label, give its context. */
  readonly labels?: readonly string[]
  /** The trigger its labels set; without it labels are only looked up when something else woke the scanner. */
  readonly labelTrigger?: number
  /** Further words that set `when` triggers: vendor prefixes. `|` = not next to a letter. */
  readonly prefixes?: readonly { readonly word: string; readonly bits: number }[]
  /** True when its context alone (a key's words) is reason enough to look at a value that has no trigger. */
  readonly byKey?: boolean
  /** Key paths (words joined by blanks) that are the detector's, besides those that end with a label. */
  readonly keyMatch?: RegExp
  /** Key paths (words joined by blanks) that are not the detector's, whatever label they end with. */
  readonly keyStop?: RegExp
  readonly hits: readonly Example[]
  /** Look-alikes that must stay as they are, by this detector and by all others. */
  readonly misses: readonly Example[]
  /** Reports its hits in `scan.text`. Must be linear in the text's length. */
  find(scan: Scan): void
}

/** Declares a detector. */
export function defineDetector(detector: Detector): Detector {
  return detector
}
