// Driver's licence numbers: only with a label.

import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const NUMBER = /(?<![A-Za-z0-9-])[A-Za-z0-9]{1,18}(?:[ -][A-Za-z0-9]{1,10}){0,4}(?![A-Za-z0-9])/g

export const driversLicence = defineDetector({
  name: 'drivers_licence',
  family: 'identity',
  about: "driver's licence number, 7-18 letters and digits, also with dashes, with a label",
  checks: 'at least three digits, and a label',
  rank: Rank.loose,
  when: Trigger.documentLabel,
  byKey: true,
  labels: [
    'driver license',
    'driver licence',
    'drivers license',
    'drivers licence',
    'driver s license',
    'driver s licence',
    'driving licence',
    'driving license',
    'licence number',
    'license number',
    'licence no',
    'license no',
    'dl number',
    'dl no',
    'dln',
    'dl nr',
    'driver license number',
    'driver licence number',
    'drivers license number',
    'drivers licence number',
    'driver s license number',
    'driver s licence number',
    'driving licence number',
    'driving license number',
    'fuehrerschein',
    'führerschein',
    'permis de conduire',
    'driverlicense',
    'driverslicense',
    'führerscheinnummer',
    'fuehrerscheinnummer',
    'führerschein nr',
    'numero permis',
    'numero de permis',
    'numéro de permis',
    'licencia conducir',
    'licencia de conducir',
    'carnet de conducir',
    'permiso de conducir',
    'carteira motorista',
    'carteira de motorista',
    'cnh',
    'patente di guida',
    'rijbewijs',
    'rijbewijsnummer',
    'prawo jazdy',
    'driver id number',
    'oln',
    'drv lic',
    'operator license'
  ],
  labelTrigger: Trigger.documentLabel,
  hits: [
    "driver's licence ‹MORGA753116SM9IJ›",
    'dl number: ‹D123-4567-8901›',
    { key: 'driver.license_number', text: '‹F25592150094›' },
    'license no ‹D1234567›'
  ],
  misses: [
    'license Apache-2.0',
    'dl 12345678 bytes',
    'dl=1048576',
    'licence expired',
    'D123-4567-8901',
    { key: 'software.license', text: 'MIT-2019' }
  ],
  find(scan: Scan): void {
    each(scan.text, NUMBER, match => {
      let value = match[0]
      if (value.includes(' ')) value = value.slice(0, firstWord(value))
      if (value.includes(' ') && value.replace(/[ -]/g, '').length > 18) value = value.slice(0, value.indexOf(' '))
      const code = value.replace(/[ -]/g, '')
      if (
        code.length < 7 ||
        code.length > 18 ||
        (code.match(/\d/g)?.length ?? 0) < 3 ||
        /^\d{4}-\d\d-\d\d$/.test(value)
      ) {
        return retry(match, value)
      }
      if (scan.labelled(match.index)) scan.hit(match.index, match.index + value.length)
      else retry(match, value)
    })
  }
})

/** End of the part that holds the digits: blanks end it unless more digits follow. */
function firstWord(value: string): number {
  const parts = value.split(' ')
  let end = parts[0]!.length
  if (!/\d/.test(parts[0]!)) return end
  for (let i = 1; i < parts.length && /^[A-Za-z0-9-]*\d[A-Za-z0-9-]*$/.test(parts[i]!); i++) end += 1 + parts[i]!.length
  return end
}

/** Goes on behind the first word, because what follows may be the number. */
function retry(match: RegExpExecArray, value: string): void {
  NUMBER.lastIndex = match.index + Math.max(1, value.length)
}
