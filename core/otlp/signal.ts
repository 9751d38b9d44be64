// The three kinds of telemetry that OTLP carries.

/** A kind of telemetry. Profiles are in development upstream and are refused at the door. */
export type Signal = 'traces' | 'metrics' | 'logs'

export const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs']
