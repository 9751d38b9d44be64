// Floats as Prometheus writes them, so that one bucket bound has one text whichever way it comes in.

const PLAIN_BELOW = 6

/** Go's shortest `%g`: `0.005`, `1e+06`, `+Inf`. `canonical`: OpenMetrics' form for `le` and `quantile`, `1` -> `1.0`. */
export function formatFloat(value: number, canonical: boolean): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  if (value === 0) return canonical ? '0.0' : '0'
  // Small integers are nearly all there is.
  if (Number.isInteger(value) && Math.abs(value) < 10 ** PLAIN_BELOW) return canonical ? `${value}.0` : String(value)
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  // JavaScript writes powers from -7 to 20 without an exponent, so String gives the plain form here.
  if (power >= -4 && power < PLAIN_BELOW) return String(value)
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}
