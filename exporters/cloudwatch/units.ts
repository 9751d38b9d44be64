// UCUM units, as OpenTelemetry writes them -> CloudWatch's list, with a factor where CloudWatch lacks the size.

import type { StandardUnit } from '@aws-sdk/client-cloudwatch'

export interface Unit {
  readonly name: StandardUnit
  /** What values are multiplied with. */
  readonly factor: number
}

const SIZES: Readonly<Record<string, Unit>> = {
  ns: { name: 'Microseconds', factor: 1e-3 },
  us: { name: 'Microseconds', factor: 1 },
  ms: { name: 'Milliseconds', factor: 1 },
  s: { name: 'Seconds', factor: 1 },
  min: { name: 'Seconds', factor: 60 },
  h: { name: 'Seconds', factor: 3600 },
  d: { name: 'Seconds', factor: 86_400 },
  By: { name: 'Bytes', factor: 1 },
  // CloudWatch's Kilobytes and so on are powers of 1000; powers of 1024 go as bytes.
  kBy: { name: 'Kilobytes', factor: 1 },
  KBy: { name: 'Kilobytes', factor: 1 },
  MBy: { name: 'Megabytes', factor: 1 },
  GBy: { name: 'Gigabytes', factor: 1 },
  TBy: { name: 'Terabytes', factor: 1 },
  KiBy: { name: 'Bytes', factor: 2 ** 10 },
  MiBy: { name: 'Bytes', factor: 2 ** 20 },
  GiBy: { name: 'Bytes', factor: 2 ** 30 },
  TiBy: { name: 'Bytes', factor: 2 ** 40 },
  bit: { name: 'Bits', factor: 1 },
  kbit: { name: 'Kilobits', factor: 1 },
  Mbit: { name: 'Megabits', factor: 1 },
  Gbit: { name: 'Gigabits', factor: 1 },
  Tbit: { name: 'Terabits', factor: 1 },
  '%': { name: 'Percent', factor: 1 }
}

const NONE: Unit = { name: 'None', factor: 1 }
const COUNT: Unit = { name: 'Count', factor: 1 }
const NO_RATE = new Set(['Microseconds', 'Milliseconds', 'Seconds', 'Percent', 'None'])

/** The unit of a metric; `Count` for annotated counts (`{request}`) and for unitless counters, `None` for what is unknown. */
export function cloudWatchUnit(ucum: string, isCounter: boolean): Unit {
  const [size = '', per, ...more] = ucum.trim().split('/')
  if (more.length > 0) return NONE
  const unit = sizeOf(size, isCounter || per !== undefined)
  if (per === undefined) return unit
  if (per !== 's' || NO_RATE.has(unit.name)) return NONE
  return { name: `${unit.name}/Second` as StandardUnit, factor: unit.factor }
}

function sizeOf(size: string, isCount: boolean): Unit {
  if (/^\{.*\}$/.test(size)) return COUNT
  if (size === '' || size === '1') return isCount ? COUNT : NONE
  return SIZES[size] ?? NONE
}
