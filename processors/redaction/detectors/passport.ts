// Passport numbers: only with a label, because their shape says nothing.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const NUMBER = /(?<![A-Za-z0-9])(?:[A-Z]{1,3}[ -])?[A-Za-z0-9]{5,10}(?![A-Za-z0-9])/g

export const passport = defineDetector({
  name: 'passport',
  family: 'identity',
  about: 'passport number, 6-10 letters and digits, with a label',
  checks: 'at least three digits, and a label',
  rank: Rank.loose,
  when: Trigger.documentLabel,
  byKey: true,
  labels: [
    'passport',
    'passport number',
    'passport no',
    'passeport',
    'reisepass',
    'pasaporte',
    'travel document',
    'passportnumber',
    'reisepassnummer',
    'travel doc',
    'travel doc no',
    'travel document no',
    'travel document number',
    'passnummer',
    'passaporte',
    'passaporto',
    'paspoort',
    'paspoortnummer',
    'paszport',
    'numer paszportu',
    'nr paszportu',
    'pass no',
    'numero de passeport',
    'numéro de passeport',
    'numero de pasaporte',
    'número de pasaporte',
    'numero passaporto',
    '护照',
    '护照号',
    '旅券番号',
    'パスポート番号'
  ],
  labelTrigger: Trigger.documentLabel,
  hits: [
    'passport ‹X1234567›',
    'Passport No: ‹533401372›',
    { key: 'traveller.passport_number', text: '‹C01X00T47›' },
    '"passport":"‹AB 1234567›"'
  ],
  misses: [
    'passport expired',
    'X1234567',
    'passport issued 2019-04-05',
    'passport scan took 1200 ms',
    { key: 'passport.strategy', text: 'local' }
  ],
  find(scan: Scan): void {
    each(scan.text, NUMBER, match => {
      const length = match[0].replace(/[ -]/g, '').length
      if (length > 10 && / |-/.test(match[0])) {
        NUMBER.lastIndex = match.index + match[0].search(/[ -]/) + 1
        return
      }
      if (length < 6 || length > 10 || (match[0].match(/\d/g)?.length ?? 0) < 3) return
      if (
        /^\d{2,4}-\d/.test(scan.text.slice(match.index, match.index + 6)) ||
        scan.text[match.index + match[0].length] === '-'
      )
        return
      if (scan.labelled(match.index)) scan.hit(match.index, match.index + match[0].length)
    })
  }
})
