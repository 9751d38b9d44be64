// What a back end says, made safe to keep: its words go into dead letters and status, so they may hold neither control
// characters nor telemetry values, and they are short.

/** Longest text kept, in UTF-8 bytes. */
export const MAX_WORDS_BYTES = 1024
const HIDDEN = '…'

/** Control characters, bidirectional overrides and line separators: they forge log lines and terminals. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g
/** Back ends quote the offending value; the value is telemetry. */
const QUOTED = /"[^"]*"|'[^']*'|`[^`]*`|“[^”]*”/g
const ASSIGNED = /([A-Za-z_][\w.-]*\s?[=:]\s?)(?=\S*\d|\S*@)[^\s,;)\]}]+/g
const ADDRESS = /\S+@\S+/g
const LONG_TOKEN = /[A-Za-z0-9+/_=-]{32,}|\d{6,}/g

/** `text` without control characters and without anything that looks like a value, at most 1 KiB of UTF-8. */
export function sanitise(text: string): string {
  const clean = text
    .slice(0, 4 * MAX_WORDS_BYTES)
    .replace(CONTROL, ' ')
    .replace(QUOTED, `"${HIDDEN}"`)
    .replace(ADDRESS, HIDDEN)
    .replace(ASSIGNED, `$1${HIDDEN}`)
    .replace(LONG_TOKEN, HIDDEN)
    .trim()
  return cut(clean, MAX_WORDS_BYTES)
}

/** Cuts at a character boundary, so that at most `maxBytes` of UTF-8 remain. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return text
  let end = maxBytes - 3
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  return `${bytes.toString('utf8', 0, end)}${HIDDEN}`
}
