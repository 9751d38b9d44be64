// How long to wait before the next try: exponential, with jitter so that many gateways do not come back in step (H18).

import type { RetryConfig } from '../config/types.js'

/** A back end that asks for more than this is not believed; one hour is longer than any outage page. */
export const MAX_THROTTLE_MS = 3_600_000

/**
 * Milliseconds until try number `attempts` + 1.
 * @param attempts tries so far, at least 1.
 * @param random a number in [0, 1).
 */
export function backoffMs(retry: RetryConfig, attempts: number, random: number): number {
  const grown = retry.initialIntervalMs * retry.multiplier ** Math.min(attempts - 1, 64)
  const base = Math.min(grown, retry.maxIntervalMs)
  return Math.max(1, Math.round(base * (1 + retry.randomizationFactor * (2 * random - 1))))
}

/** The back end's own wish overrides the backoff (R12, H17). */
export function waitMs(retry: RetryConfig, attempts: number, random: number, afterMs: number | undefined): number {
  if (afterMs === undefined) return backoffMs(retry, attempts, random)
  return Math.max(1, Math.min(afterMs, MAX_THROTTLE_MS))
}
