// The three kinds of telemetry that OTLP carries, and what counts as one item of each.

/** A kind of telemetry. Profiles are in development upstream and are refused at the door. */
export type Signal = 'traces' | 'metrics' | 'logs'

export const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs']

/** The word for one item of a signal, as used in metric units and messages: `{span}`, `{data_point}`, `{log_record}`. */
export const ITEM_WORD: Readonly<Record<Signal, string>> = { traces: 'span', metrics: 'data_point', logs: 'log_record' }

/** Index of a signal in `SIGNALS`, for compact encodings. */
export function signalIndex(signal: Signal): number {
  return signal === 'traces' ? 0 : signal === 'metrics' ? 1 : 2
}
