// What all component declarations share.

export type Stability = 'alpha' | 'beta' | 'stable'

/** A cross-field problem found by a component's `validate`; `path` is relative to the component's own config. */
export interface Problem {
  readonly path: string
  readonly says: string
}
