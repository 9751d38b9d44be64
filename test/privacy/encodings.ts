// The ways a value is written so that a plain pattern misses it.

import type { Rng } from './rng.js'
import type { TypeSpec } from './values.js'

export type Encoding =
  | 'plain'
  | 'zero_width'
  | 'full_width'
  | 'other_digits'
  | 'unicode_dash_space'
  | 'percent'
  | 'double_percent'
  | 'unicode_escape'
  | 'html_entity'
  | 'base64'
  | 'base64url'
  | 'base64_json'
  | 'base64_twice'
  | 'bytes'
  | 'bytes_base64'

/** Encodings that wrap the text around the value too. */
export const WHOLE: ReadonlySet<Encoding> = new Set(['base64_json', 'bytes', 'bytes_base64'])

const INVISIBLE = ['\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u00ad']
const DASHES = ['\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2212', '\uff0d', '\ufe63']
const SPACES = ['\u00a0', '\u2009', '\u202f', '\u3000', '\u2007']
const ZEROS = [0x0660, 0x06f0, 0x0966]

function zeroWidth(text: string, rng: Rng): string {
  const chars = [...text]
  const places = new Set(Array.from({ length: rng.int(1, 3) }, () => rng.int(1, Math.max(1, chars.length - 1))))
  return chars.map((char, at) => (places.has(at) ? rng.pick(INVISIBLE) + char : char)).join('')
}

function fullWidth(text: string, look: TypeSpec['look']): string {
  const wide = look === 'number' ? /[0-9+@-]/g : look === 'address' ? /[0-9@]/g : /[!-~]/g
  return text.replace(wide, c => String.fromCharCode(c.charCodeAt(0) + 0xfee0))
}

function otherDigits(text: string, rng: Rng): string {
  const zero = rng.pick(ZEROS)
  return text.replace(/\d/g, digit => String.fromCharCode(zero + Number(digit)))
}

function dashesAndSpaces(text: string, rng: Rng): string {
  const dash = rng.pick(DASHES)
  const space = rng.pick(SPACES)
  return text.replaceAll('-', dash).replaceAll(' ', space)
}

const percentAll = (text: string): string =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/[\s\S]/g, percentByte)
const percentByte = (c: string): string => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`

function percent(text: string, rng: Rng): string {
  const usual = encodeURIComponent(text)
  if (usual === text || rng.chance(0.1)) return percentAll(text)
  return rng.chance(0.2) ? usual.replace(/%[0-9A-F]{2}/g, code => code.toLowerCase()) : usual
}

function unicodeEscape(text: string, rng: Rng): string {
  const special = /[^A-Za-z0-9]/.test(text) && rng.chance(0.7) ? /[^A-Za-z0-9]/g : /[\s\S]/g
  return text.replace(special, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function entities(text: string, rng: Rng): string {
  const hex = rng.chance(0.5)
  const special = /[^A-Za-z0-9]/.test(text) && rng.chance(0.75) ? /[^A-Za-z0-9]/gu : /[\s\S]/gu
  return text.replace(special, c => {
    if (c === '@' && rng.chance(0.3)) return '&commat;'
    const code = c.codePointAt(0) as number
    return hex ? `&#x${code.toString(16)};` : `&#${code};`
  })
}

/** How a value can be written, given what it looks like. */
export function encodingsFor(look: TypeSpec['look'], text: string): Encoding[] {
  const usual: Encoding[] = [
    'percent',
    'double_percent',
    'unicode_escape',
    'html_entity',
    'base64',
    'base64url',
    'base64_json',
    'bytes',
    'bytes_base64',
    'base64_twice'
  ]
  if (text.includes('\n')) return ['base64', 'base64url', 'base64_json', 'bytes', 'bytes_base64', 'percent']
  if (look !== 'words' && text.length < 60) usual.push('zero_width', 'zero_width', 'full_width')
  if (look === 'number' && /\d{3}/.test(text)) usual.push('other_digits')
  if (look === 'number' && /[ -]/.test(text)) usual.push('unicode_dash_space', 'unicode_dash_space')
  return usual
}

/** Rewrites the value; the encodings in WHOLE leave it to `wrap`. */
export function encode(text: string, encoding: Encoding, look: TypeSpec['look'], rng: Rng): string {
  switch (encoding) {
    case 'zero_width':
      return zeroWidth(text, rng)
    case 'full_width':
      return fullWidth(text, look)
    case 'other_digits':
      return otherDigits(text, rng)
    case 'unicode_dash_space':
      return dashesAndSpaces(text, rng)
    case 'percent':
      return percent(text, rng)
    case 'double_percent':
      return encodeURIComponent(percent(text, rng))
    case 'unicode_escape':
      return unicodeEscape(text, rng)
    case 'html_entity':
      return entities(text, rng)
    case 'base64':
      return Buffer.from(text).toString('base64')
    case 'base64url':
      return Buffer.from(text).toString('base64url')
    case 'base64_twice':
      return Buffer.from(Buffer.from(text).toString('base64')).toString('base64')
    default:
      return text
  }
}
