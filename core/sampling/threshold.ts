// Consistent probability sampling (OpenTelemetry: tracestate-probability-sampling, W3C Trace Context level 2).
//
// A trace carries 56 bits of randomness R: the last 7 bytes of its id, or `ot=rv:<14 hex digits>`. A threshold T of 56 bits
// keeps it when R >= T; the chance is 1 - T / 2^56. Whoever compares the same R with the same T decides the same, on
// every replica and tier. A kept span says its threshold as `ot=th:<hex, trailing zeros left out>`; its weight is
// 2^56 / (2^56 - T). Thresholds here are rounded to 48 bits, so that a number holds them exactly: R >= T for a T whose last
// 8 bits are 0 is the same as comparing the upper 48 bits. 48 bits are chances down to 3.6e-15.

/** Thresholds and randomness as used here are 0 .. 2^48. */
const RANGE = 2 ** 48
/** No trace is kept. */
export const NEVER = RANGE
/** Every trace is kept. */
export const ALWAYS = 0
/** Hex digits of a threshold beyond leading f's and 0's: as in the specification's reference, 4. */
const PRECISION = 4

/** The threshold of a chance in [0, 1], rounded to 4 significant hex digits of the rejected part's complement. */
export function thresholdOf(chance: number): number {
  if (!(chance > 0)) return NEVER
  if (chance >= 1) return ALWAYS
  const exact = Math.round((1 - chance) * RANGE)
  // Leading f's carry no information about a small chance: digits behind them count (specification, "precision").
  const leadingF = Math.max(0, Math.floor(-Math.log2(chance) / 4))
  const digits = Math.min(12, PRECISION + leadingF)
  const step = 2 ** (48 - 4 * digits)
  return Math.min(NEVER - step, Math.round(exact / step) * step)
}

/** How many traces one kept at this threshold stands for. */
export function weightOf(threshold: number): number {
  return RANGE / (RANGE - threshold)
}

/** `th` as written: hex digits without trailing zeros; `0` for always. @throws RangeError for NEVER. */
export function thresholdText(threshold: number): string {
  if (threshold >= NEVER) throw new RangeError('a threshold that keeps nothing cannot be written')
  const hex = threshold.toString(16).padStart(12, '0').replace(/0+$/, '')
  return hex === '' ? '0' : hex
}

/** A threshold as read, rounded down to 48 bits; undefined when it is not 1 to 14 hex digits in lower case. */
export function readThreshold(text: string): number | undefined {
  if (!/^[0-9a-f]{1,14}$/.test(text)) return undefined
  return Number.parseInt(text.padEnd(14, '0').slice(0, 12), 16)
}

/** Upper 48 of the 56 random bits of the trace id at `at` (its bytes 9 to 14). */
export function randomnessOf(buf: Uint8Array, at: number): number {
  const high = (buf[at + 9]! << 16) | (buf[at + 10]! << 8) | buf[at + 11]!
  const low = (buf[at + 12]! << 16) | (buf[at + 13]! << 8) | buf[at + 14]!
  return high * 0x1000000 + low
}

/** `rv` as read: its upper 48 bits; undefined when it is not exactly 14 hex digits. */
export function readRandomness(text: string): number | undefined {
  return /^[0-9a-f]{14}$/.test(text) ? Number.parseInt(text.slice(0, 12), 16) : undefined
}

/** What the `ot` member of a trace state says. */
export interface OtelState {
  readonly threshold: number | undefined
  readonly randomness: number | undefined
}

const NOTHING: OtelState = { threshold: undefined, randomness: undefined }

/** Reads the `ot` member. */
export function readOtelState(traceState: string): OtelState {
  const ot = memberOf(traceState, 'ot')
  if (ot === undefined) return NOTHING
  let [threshold, randomness]: [number | undefined, number | undefined] = [undefined, undefined]
  for (const pair of ot.split(';')) {
    if (pair.startsWith('th:')) threshold = readThreshold(pair.slice(3))
    if (pair.startsWith('rv:')) randomness = readRandomness(pair.slice(3))
  }
  return { threshold, randomness }
}

/** The value of a member of a trace state. */
export function memberOf(traceState: string, key: string): string | undefined {
  for (const part of traceState.split(',')) {
    const member = part.trim()
    if (member.startsWith(key) && member[key.length] === '=') return member.slice(key.length + 1)
  }
  return undefined
}

const MAX_MEMBERS = 32
/** Longest value of the `ot` member (tracestate-handling, "Value"). */
const MAX_VALUE = 256

/**
 * The trace state with the threshold set (undefined: removed, the chance is not known). What an earlier sampler has
 * rejected stays rejected: the higher threshold is written. A changed member goes to the front (W3C 3.5). An earlier threshold
 * that would have rejected the trace cannot be true, so then none is written ("General requirements").
 * @param randomness the trace's, where it is known: to check the earlier threshold; below 0: not known
 */
export function withThreshold(traceState: string, threshold: number | undefined, randomness?: number): string {
  const members = traceState
    .split(',')
    .map(m => m.trim())
    .filter(m => m !== '')
  const others = members.filter(m => !m.startsWith('ot='))
  const before = memberOf(traceState, 'ot') ?? ''
  const pairs = before.split(';').filter(p => p !== '' && !p.startsWith('th:'))
  const earlier = before.split(';').find(p => p.startsWith('th:'))
  const text = threshold === undefined ? undefined : laterThreshold(earlier?.slice(3), threshold, randomness)
  const room = MAX_VALUE - pairs.join(';').length
  if (text !== undefined && text.length + 4 <= room) pairs.unshift(`th:${text}`)
  const made = pairs.length > 0 ? [`ot=${pairs.join(';')}`] : []
  return [...made, ...others].slice(0, MAX_MEMBERS).join(',')
}

/** The text of whichever threshold rejects more; an earlier one is kept digit by digit, or none when it is not true. */
function laterThreshold(earlier: string | undefined, threshold: number, randomness: number | undefined) {
  const before = earlier === undefined ? undefined : readThreshold(earlier)
  if (before === undefined) return thresholdText(threshold)
  if (randomness !== undefined && randomness >= 0 && randomness < before) return undefined
  return before > threshold ? earlier! : thresholdText(threshold)
}
