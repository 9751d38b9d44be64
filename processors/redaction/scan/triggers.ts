// Tier 1: decides from a value's bytes alone what could be in it, so that nearly all values are passed on without being
// decoded. Nothing here says "this is an email"; it says "there is an @". The looking itself is core/otlp/sieve: shapes of
// the bytes, and one automaton over label words and vendor prefixes.
// Invariant: a value that any detector would hit must get at least one of that detector's triggers. The detectors'
// examples hold this (detectors.test.ts runs them through the whole scanner).

import type { Keyword } from '../../../core/otlp/sieve/automaton.js'
import { Shape, Shapes } from '../../../core/otlp/sieve/shapes.js'

/** What a value could contain. Detectors name the bits they wait for. */
export const Trigger = {
  /** `@`. */
  at: Shape.at,
  /** Seven digits or more, separated by nothing but single separators. */
  digits: Shape.digits,
  /** digit.digit.digit */
  dotted: Shape.dotted,
  /** Two colons or dashes between hexadecimal digits. */
  colons: Shape.colons,
  /** Twelve or more token characters of mixed kinds: base64, random tokens. */
  token: Shape.token,
  /** A letter next to a digit, four digits or more: document numbers. */
  mixed: Shape.mixed,
  /** A label of something numeric: phone, ssn, iban ... */
  numberLabel: 1 << 6,
  /** A label of a document or a date: passport, licence, birth. */
  documentLabel: 1 << 7,
  /** A label of text: password, token, cookie, customer, address. */
  textLabel: 1 << 8,
  /** A vendor's token prefix. */
  vendor: 1 << 9,
  /** `://` or a connection string's words. */
  scheme: 1 << 10,
  /** `-----BEGIN`. */
  pem: 1 << 11,
  /** `bearer`, `basic` and other authorization schemes. */
  auth: 1 << 12,
  /** `eyJ`. */
  jwt: 1 << 13,
  /** `%XX`, backslash or `&...;` escapes. */
  escapes: Shape.escapes,
  /** A byte above 0x7f. */
  nonAscii: Shape.nonAscii,
  /** A label that the configuration's own field rules look for in text. */
  fieldLabel: 1 << 16,
  /** Cookie headers and names of session cookies. */
  cookie: 1 << 17,
  /** Query parameters that carry signatures. */
  query: 1 << 18
} as const

/** The prefilter of a config: built once from the words of the detectors that are on. */
export function prefilterOf(keywords: readonly Keyword[]): Shapes {
  return new Shapes({
    keywords,
    withDigit: Trigger.numberLabel | Trigger.documentLabel,
    withSixDigits: Trigger.numberLabel
  })
}
