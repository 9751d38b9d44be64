// OTel metric names, units and attribute keys -> Prometheus names, by the OpenTelemetry specification
// "Prometheus and OpenMetrics Compatibility", section "OTLP Metric points to Prometheus".

import type { FamilyType } from './model.js'

const UNITS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    d: 'days',
    h: 'hours',
    min: 'minutes',
    s: 'seconds',
    ms: 'milliseconds',
    us: 'microseconds',
    ns: 'nanoseconds',
    By: 'bytes',
    KiBy: 'kibibytes',
    MiBy: 'mebibytes',
    GiBy: 'gibibytes',
    TiBy: 'tibibytes',
    KBy: 'kilobytes',
    kBy: 'kilobytes',
    MBy: 'megabytes',
    GBy: 'gigabytes',
    TBy: 'terabytes',
    m: 'meters',
    V: 'volts',
    A: 'amperes',
    J: 'joules',
    W: 'watts',
    g: 'grams',
    Cel: 'celsius',
    Hz: 'hertz',
    '1': '',
    '%': 'percent'
  })
)

const PER_UNITS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    s: 'second',
    min: 'minute',
    m: 'minute',
    h: 'hour',
    d: 'day',
    w: 'week',
    wk: 'week',
    mo: 'month',
    y: 'year'
  })
)

const CACHE_ENTRIES = 4096

/** The two halves of a UCUM unit in Prometheus words: `By/s` -> `bytes`, `per_second`. Annotations (`{call}`) count for nothing. */
function unitWords(unit: string): readonly [main: string, per: string] {
  const slash = unit.indexOf('/')
  const main = (slash < 0 ? unit : unit.slice(0, slash)).trim()
  const per = slash < 0 ? '' : unit.slice(slash + 1).trim()
  const perWord = word(per, PER_UNITS)
  return [word(main, UNITS), perWord === '' ? '' : `per_${perWord}`]
}

/** The whole unit as one word for `# UNIT`: `bytes_per_second`; '' when there is none. */
export function unitName(unit: string): string {
  return unitWords(unit)
    .filter(part => part !== '')
    .join('_')
}

/**
 * A metric's Prometheus name: namespace, name, unit, then `_total` (counters) or `_ratio` (gauges of unit 1). With
 * `suffixes` false only characters are mended. '' when nothing is left that could be a name.
 */
export function metricName(name: string, unit: string, type: FamilyType, namespace: string, suffixes: boolean): string {
  let tokens = split(name)
  if (tokens.length === 0) return ''
  if (suffixes) tokens = withSuffixes(tokens, unit, type)
  const full = [...split(namespace), ...tokens].join('_')
  return isDigit(full.charCodeAt(0)) ? `_${full}` : full
}

/** An attribute key as a label name; '' when no character of it may stand in one. */
export function labelName(key: string): string {
  const known = labelCache.get(key)
  if (known !== undefined) return known
  const made = makeLabelName(key)
  if (labelCache.size >= CACHE_ENTRIES) labelCache.clear()
  labelCache.set(key, made)
  return made
}

const labelCache = new Map<string, string>()

function makeLabelName(key: string): string {
  const clean = key.replace(/[^a-zA-Z0-9]+/g, '_')
  if (clean === '' || clean === '_') return ''
  return isDigit(clean.charCodeAt(0)) ? `key_${clean}` : clean
}

function withSuffixes(tokens: readonly string[], unit: string, type: FamilyType): string[] {
  const out = [...tokens]
  const [main, per] = unitWords(unit)
  if (main !== '' && !out.includes(main)) out.push(main)
  if (per !== '' && !out.join('_').includes(per)) out.push(per)
  if (type === 'counter') return [...out.filter(token => token !== 'total'), 'total']
  if (type === 'gauge' && unit === '1') return [...out.filter(token => token !== 'ratio'), 'ratio']
  return out
}

function split(name: string): string[] {
  return name.split(/[^a-zA-Z0-9:]+/).filter(token => token !== '')
}

function word(unit: string, words: ReadonlyMap<string, string>): string {
  if (unit === '' || /[{}]/.test(unit)) return ''
  return split(words.get(unit) ?? unit).join('_')
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}
