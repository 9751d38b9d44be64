// Durations and sizes as people write them in config files: `1h30m`, `200ms`, `64MiB`.

const MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000
}

const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12
}

const DURATION = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d))+$/
const DURATION_PART = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g
const SIZE = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i

/** Milliseconds of `5s`, `200ms`, `1h30m` (units ns us ms s m h d), or undefined when it is not a duration. `0` needs no unit. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!DURATION.test(text)) return undefined
  let ms = 0
  for (const [, amount, unit] of text.matchAll(DURATION_PART)) ms += Number(amount) * (MS[unit!] ?? 0)
  return Number.isFinite(ms) ? ms : undefined
}

/** Bytes of `64MiB`, `1.5GB`, `512` (units B, KiB MiB GiB TiB, KB MB GB TB), or undefined when it is not a size. */
export function parseBytes(text: string): number | undefined {
  if (/^\d+$/.test(text)) return safe(Number(text))
  const [, amount, unit] = SIZE.exec(text) ?? []
  const factor = unit === undefined ? undefined : BYTES[unit.toLowerCase()]
  return factor === undefined ? undefined : safe(Math.round(Number(amount) * factor))
}

/** `5400000` -> `1h30m`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  let text = ''
  let rest = ms
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const whole = Math.floor(rest / MS[unit]!)
    if (whole > 0) text += `${whole}${unit}`
    rest -= whole * MS[unit]!
  }
  return rest > 0 ? `${text}${Number(rest.toFixed(6))}ms` : text
}

/** `67108864` -> `64 MiB`: for people, rounded to one decimal. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let at = 0
  let left = bytes
  while (left >= 1024 && at < units.length - 1) {
    left /= 1024
    at++
  }
  return `${Number(left.toFixed(1))} ${units[at]}`
}

function safe(bytes: number): number | undefined {
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
