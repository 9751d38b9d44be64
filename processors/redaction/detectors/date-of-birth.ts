// Dates of birth: only with a label.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const MONTH =
  '(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)'
const DATE = new RegExp(
  '(?<![A-Za-z0-9])(?:' +
    [
      '(\\d{4})[-/. +](\\d{1,2})[-/. +](\\d{1,2})(?:[T ]00:00(?::00(?:\\.0{1,9})?)?(?:Z|[+-]00:?00)?)?',
      '(\\d{1,2})[-/. +](\\d{1,2})[-/. +](\\d{4}|\\d{2})',
      '(\\d{4})(\\d{2})(\\d{2})',
      `(\\d{1,2})(?:st|nd|rd|th)?[-/. +]{1,2}(?:of )?(${MONTH})\\.?,?[-/. +](\\d{4}|\\d{2})`,
      `(${MONTH})\\.?[ +](\\d{1,2})(?:st|nd|rd|th)?,?[ +](\\d{4})`,
      `(\\d{4})[-/. +](${MONTH})[-/. +](\\d{1,2})`,
      '(\\d{2})(\\d{2})(\\d{4})'
    ].join('|') +
    ')(?![A-Za-z0-9])',
  'gi'
)

export const dateOfBirth = defineDetector({
  name: 'date_of_birth',
  family: 'identity',
  about: 'date of birth in ISO, US, European, long or compact form, with a label',
  checks: 'a real date from 1900 to today, and a label',
  rank: Rank.loose,
  when: Trigger.documentLabel,
  byKey: true,
  labels: [
    'dob',
    'd o b',
    'birth',
    'birthday',
    'birthdate',
    'birth date',
    'date of birth',
    'dateofbirth',
    'born',
    'born on',
    'geburtsdatum',
    'fecha de nacimiento',
    'date de naissance',
    'naissance',
    'nacimiento',
    'bday',
    'year of birth',
    'birth day',
    'birth dt',
    'geboren',
    'geboren am',
    'geb datum',
    'geburtstag',
    'ne le',
    'né le',
    'née le',
    'data nascimento',
    'data de nascimento',
    'nascimento',
    'dt nasc',
    'data di nascita',
    'nascita',
    'nato il',
    'geboortedatum',
    'data urodzenia',
    'fecha nacimiento',
    'fecha nac',
    'f nacimiento',
    'date naissance',
    '生年月日',
    '出生日期'
  ],
  labelTrigger: Trigger.documentLabel,
  hits: [
    'dob ‹1985-04-12›',
    'born ‹12/04/1985›',
    'DOB: ‹April 12, 1985›',
    { key: 'patient.birth_date', text: '‹19850412›' },
    'date of birth: ‹12. Apr 1985›',
    '"birthDate":"‹1985-04-12T00:00:00Z›"',
    'dob ‹4/12/85›'
  ],
  misses: ['1985-04-12', 'born to run', 'dob 1985-13-42', 'dob 2985-04-12', 'created 2024-01-31'],
  find(scan: Scan): void {
    each(scan.text, DATE, match => {
      if (scan.labelled(match.index) && isDate(match.slice(1))) scan.hit(match.index, match.index + match[0].length)
    })
  }
})

function isDate(groups: (string | undefined)[]): boolean {
  const parts = groups.filter(part => part !== undefined)
  const [a, b, c] = parts as [string, string, string]
  if (/[a-z]/i.test(a)) return isReal(Number(c), monthOf(a), Number(b))
  if (/[a-z]/i.test(b))
    return a.length === 4 ? isReal(Number(a), monthOf(b), Number(c)) : isReal(yearOf(c), monthOf(b), Number(a))
  if (a.length === 4) return isReal(Number(a), Number(b), Number(c))
  const year = yearOf(c)
  return isReal(year, Number(b), Number(a)) || isReal(year, Number(a), Number(b))
}

function monthOf(name: string): number {
  return MONTHS.indexOf(name.slice(0, 3).toLowerCase()) + 1
}

function yearOf(text: string): number {
  if (text.length === 4) return Number(text)
  const short = Number(text)
  return short > 30 ? 1900 + short : 2000 + short
}

function isReal(year: number, month: number, day: number): boolean {
  if (year < 1900 || month < 1 || month > 12 || day < 1) return false
  const date = Date.UTC(year, month - 1, day)
  return date <= Date.now() && new Date(date).getUTCDate() === day
}
