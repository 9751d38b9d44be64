// The three answers an exporter may give for a batch. Retry, queueing and dead letters are core/delivery's work.

export type Outcome =
  /** The back end has it. `rejected` items were refused by it for good (OTLP partial success); they are counted, never sent again. */
  | { readonly kind: 'delivered'; readonly rejected?: number; readonly message?: string }
  /** May work later. `afterMs`: the back end's own wish (Retry-After, RetryInfo), overrides the backoff. */
  | { readonly kind: 'retry'; readonly afterMs?: number; readonly cause: Error }
  /**
   * The same input will always fail. `tooLarge`: splitting may help (HTTP 413, gRPC RESOURCE_EXHAUSTED without RetryInfo).
   * `whole`: it is not about the data (401, 404, UNIMPLEMENTED), so looking for the offending item cannot help.
   */
  | { readonly kind: 'refused'; readonly tooLarge?: boolean; readonly whole?: boolean; readonly cause: Error }

export const DELIVERED: Outcome = { kind: 'delivered' }
