// Contact data, names, dates and network addresses.

import type { Rng } from './rng.js'
import { HEX } from './rng.js'
import { bare, compactNeedle, coreNeedles, shaped, type TypeSpec, textNeedle, type Written } from './values.js'

const GIVEN = (
  'Amelia Bartosz Chidi Daniela Eoghan Fatima Giulia Hiroshi Ingrid Jamal Katarzyna Lucía Mehmet Niamh Oluwaseun Priya ' +
  'Quentin Renata Søren Tomasz Ulrike Valentina Wanjiru Xiomara Yusuf Zdeněk Ángel Björn Chloé Dimitra Émile Françoise ' +
  'Georgina Harriet Ivanka Jürgen Kwame Leticia Margarethe Nikolai Orlaith Pietro Rasmus Siobhán Theodora Vikram'
).split(' ')
const FAMILY = (
  'Okonkwo Kowalczyk Fitzgerald Rodríguez Hashimoto Lindqvist Papadopoulos Venkataraman Bergström Castellanos Dąbrowski ' +
  'Eisenhower Ferreira Gunnarsson Hernández Ivanova Jankowski Katsaros Lefebvre Montgomery Nakamura Oyelaran Petrosyan ' +
  'Quispe Romanenko Schwarzkopf Thibodeaux Underhill Villanueva Wojciechowski Yamashita Zimmermann Abernathy Bhattacharya ' +
  'Carmichael Desrosiers Engström Feldmann Grabowska Holloway Mbeki Nordstrom Pemberton Ramachandran Stavropoulos'
).split(' ')
const HOSTS = (
  'northwindmail.com quillpost.net harbourline.org fjordpost.no bluequarry.io lanternmail.co.uk postkutsche.de ' +
  'correolibre.es mailbruecke.at kotipposti.fi uni-weststadt.de mx.cedarpoint.edu ops.tarnfield.co.nz piemail.it ' +
  'kirjakuori.fi staff.greywater.com.au boitebleue.fr osaka-mail.jp'
)
  .split(' ')
  .filter(host => host.includes('.'))
const IDN_HOSTS = [
  'bücherpost.de',
  'пошта.укр',
  'correo.españa-mail.es',
  'mål.dk',
  '例え.jp',
  'xn--bcherpost-q9a.de',
  'grün.ch'
]

const plain = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/ø/g, 'o')
    .toLowerCase()
    .replace(/[^a-z]/g, '')

function localPart(rng: Rng): string {
  const given = plain(rng.pick(GIVEN))
  const family = plain(rng.pick(FAMILY))
  const number = rng.int(10, 989)
  return rng.pick([
    `${given}.${family}${number}`,
    `${given}_${family}${number}`,
    `${family}${number}`,
    `${given[0]}${family}${number}`,
    `${given}-${family}${number}`,
    `${given}.${family[0]}.${family}${number}`,
    `${family}.${given}+${rng.pick(['orders', 'alerts', 'newsletter', 'af', 'test'])}${number}`
  ])
}

function email(rng: Rng): Written {
  const style = rng.next()
  const local =
    style < 0.06
      ? `${rng.pick(['müller', 'josé.ibáñez', 'łukasz', 'ольга', 'søren'])}.${rng.int(1000, 99999)}`
      : localPart(rng)
  const host = style > 0.82 ? rng.pick(IDN_HOSTS) : rng.pick(HOSTS)
  const whole = `${local}@${host}`
  const text = rng.pick([
    whole,
    whole,
    whole,
    whole,
    whole.toUpperCase(),
    `<${whole}>`,
    `mailto:${whole}`,
    `${local}@sub-${rng.int(1, 9)}.${host}`
  ])
  return { text, needles: [compactNeedle(local)], needsContext: false }
}

// Country code, national patterns that real numbers use, how people group them (the pattern's own spaces), trunk prefix.
const PHONES: readonly (readonly [code: string, trunk: string, ...patterns: string[]])[] = [
  ['44', '0', '20 7### ####', '7911 ######', '161 4## ####', '7700 9#####'.replace('9', '1')],
  ['49', '0', '30 2#######', '151 2#######', '89 3#######', '171 5######'],
  ['33', '0', '1 42 ## ## ##', '6 12 ## ## ##', '7 81 ## ## ##'],
  ['34', '', '612 ### ###', '915 ### ###', '655 ### ###'],
  ['39', '', '347 ### ####', '06 698# ####', '333 ### ####'],
  ['31', '0', '6 2### ####', '20 6## ####'],
  ['48', '', '601 ### ###', '22 62# ## ##', '512 ### ###'],
  ['46', '0', '70 1## ## ##', '8 50# ### ##'],
  ['47', '', '406 ## ###', '22 8# ## ##'],
  ['45', '', '20 ## ## ##', '33 1# ## ##'],
  ['41', '0', '79 3## ## ##', '44 66# ## ##'],
  ['43', '0', '664 1######', '1 5####88'],
  ['351', '', '912 ### ###', '213 ### ###'],
  ['353', '0', '87 2## ####', '1 67# ####'],
  ['358', '', '40 1######', '50 3######'],
  ['55', '0', '11 9812# ####', '21 9876# ####'],
  ['52', '', '55 12## ####', '33 36## ####'],
  ['91', '0', '98765 #####', '99301 #####', '70421 #####'],
  ['81', '0', '90 1### ####', '3 3### ####'],
  ['82', '0', '10 2### ####'],
  ['86', '', '138 0### ####', '159 1### ####'],
  ['65', '', '8123 ####', '9123 ####'],
  ['61', '0', '412 ### ###', '2 9### ####'],
  ['64', '0', '21 ### ####', '9 36# ####'],
  ['27', '0', '82 ### ####', '11 36# ####'],
  ['234', '0', '803 ### ####', '706 ### ####'],
  ['254', '0', '712 ### ###'],
  ['20', '0', '10 0### ####'],
  ['971', '0', '50 ### ####'],
  ['972', '0', '54 3## ####'],
  ['90', '0', '532 ### ## ##'],
  ['380', '0', '67 ### ## ##'],
  ['420', '', '602 ### ###'],
  ['36', '06', '20 ### ####']
]
const US_AREAS = '212 213 312 404 415 503 512 602 617 646 702 713 818 917 206 305 416 604 514'.split(' ')

function usPhone(rng: Rng): Written {
  const area = rng.pick(US_AREAS)
  const exchange = rng.fill(rng.pick(['2?6', '3?4', '7?2', '83#', '46#']))
  const line = rng.fill('?###')
  const whole = `${area}${exchange}${line}`
  const style = rng.int(0, 8)
  const text = [
    `(${area}) ${exchange}-${line}`,
    `${area}-${exchange}-${line}`,
    `${area}.${exchange}.${line}`,
    `+1 ${area} ${exchange} ${line}`,
    `+1${whole}`,
    `+1-${area}-${exchange}-${line}`,
    `+1 (${area}) ${exchange}-${line}`,
    `1-${area}-${exchange}-${line}`,
    whole
  ][style] as string
  return style === 8 ? bare(text) : shaped(text, whole)
}

function phone(rng: Rng): Written {
  if (rng.chance(0.25)) return usPhone(rng)
  const [code, trunk, ...patterns] = rng.pick(PHONES)
  const grouped = rng.fill(rng.pick(patterns))
  const national = grouped.replaceAll(' ', '')
  const style = rng.int(0, 9)
  if (style === 7 || style === 8) {
    const written = style === 7 ? `${trunk}${national}` : `${trunk}${grouped}`
    return bare(written, coreNeedles(national))
  }
  const text = [
    `+${code}${national}`,
    `+${code} ${grouped}`,
    `+${code}-${grouped.replaceAll(' ', '-')}`,
    `+${code}.${grouped.replaceAll(' ', '.')}`,
    `00${code} ${grouped}`,
    `00${code}${national}`,
    `+${code} (${trunk || '0'}) ${grouped}`,
    '',
    '',
    `tel:+${code}${national}`
  ][style] as string
  if (style === 6 && trunk !== '0') return shaped(`+${code} ${grouped}`, national)
  return shaped(text, national)
}

const octet = (rng: Rng): number => rng.int(1, 254)
const FIRST_OCTETS = [
  5, 13, 23, 31, 34, 37, 41, 46, 51, 62, 77, 81, 85, 89, 91, 93, 95, 104, 109, 138, 151, 176, 178, 185, 188, 193, 195,
  212, 213
]

function ipv4(rng: Rng): Written {
  const ip = `${rng.pick(FIRST_OCTETS)}.${octet(rng)}.${octet(rng)}.${octet(rng)}`
  const text = rng.pick([
    ip,
    ip,
    ip,
    `${ip}:${rng.int(1024, 65000)}`,
    `${ip}, 10.${octet(rng)}.0.${octet(rng)}`,
    `::ffff:${ip}`,
    `[${ip}]`,
    `/${ip}:${rng.int(1024, 65000)}`
  ])
  return { text, needles: [textNeedle(ip)], needsContext: false }
}

function ipv6(rng: Rng): Written {
  const prefix = rng.pick(['2a02', '2a01', '2001', '2600', '2400', '2803', '2c0f', '2607'])
  const second =
    prefix === '2001' ? rng.pick(['470', '67c', '8b0', '41d0']) : rng.pick(['8b0', 'f3c1', '4f8', 'e10', '1f18'])
  const block = (): string => rng.fill(rng.pick(['?', '??', '???'])) + rng.chars('abcdef', 1)
  const text = rng.pick([
    `${prefix}:${second}:${block()}:${block()}:${block()}:${block()}:${block()}:${block()}`,
    `${prefix}:${second}:${block()}::${block()}`,
    `${prefix}:${second}:${block()}:${block()}::${block()}:${block()}`,
    `${prefix}:0${second.slice(0, 3).padStart(3, '0')}:0000:0000:${rng.hex(4)}:${rng.hex(4)}:${rng.hex(4)}:${rng.hex(4)}`
  ])
  const written = rng.chance(0.15) ? text.toUpperCase() : text
  const framed = rng.pick([
    written,
    written,
    written,
    `[${written}]:${rng.int(1024, 65000)}`,
    `[${written}]`,
    `${written}%eth0`
  ])
  return { text: framed, needles: [compactNeedle(written)], needsContext: false }
}

function mac(rng: Rng): Written {
  const pairs = Array.from({ length: 6 }, (_, at) =>
    at === 0 ? rng.chars('02468ace', 2).replace(/^00$/, '3c') : rng.chars(HEX, 2)
  )
  const lower = rng.pick([pairs.join(':'), pairs.join('-'), pairs.join('').replace(/(.{4})(.{4})(.{4})/, '$1.$2.$3')])
  return shaped(rng.chance(0.5) ? lower.toUpperCase() : lower)
}

const MONTHS = 'January February March April May June July August September October November December'.split(' ')

function dateOfBirth(rng: Rng): Written {
  const year = rng.int(1938, 2009)
  const month = rng.int(1, 12)
  const day = rng.int(1, 28)
  const m = String(month).padStart(2, '0')
  const d = String(day).padStart(2, '0')
  const name = MONTHS[month - 1] as string
  const text = rng.pick([
    `${year}-${m}-${d}`,
    `${year}-${m}-${d}`,
    `${m}/${d}/${year}`,
    `${d}/${m}/${year}`,
    `${d}.${m}.${year}`,
    `${day} ${name} ${year}`,
    `${name} ${day}, ${year}`,
    `${day} ${name.slice(0, 3)} ${year}`,
    `${year}/${m}/${d}`,
    `${year}${m}${d}`,
    `${d}-${m}-${year}`,
    `${year}-${m}-${d}T00:00:00Z`
  ])
  const date = text.replace('T00:00:00Z', '')
  return bare(text, [date === text ? textNeedle(date) : compactNeedle(date)])
}

function personName(rng: Rng): Written {
  const given = rng.pick(GIVEN)
  const family = rng.pick(FAMILY)
  const text = rng.pick([
    `${given} ${family}`,
    `${given} ${family}`,
    `${given} ${family}`,
    `${family}, ${given}`,
    `${given} ${rng.chars('ABCDEFGHJKLMNPRSTW', 1)}. ${family}`,
    `Dr. ${given} ${family}`,
    `${given} ${family}-${rng.pick(FAMILY)}`,
    `${given} ${rng.pick(['van der', 'de la', 'von', "O'"])} ${family}`.replace("' ", "'")
  ])
  return { text, needles: [compactNeedle(text.replace('Dr. ', '')), textNeedle(family)], needsContext: true }
}

const STREETS =
  'Harbour Juniper Kestrel Larkspur Meadowbank Orchard Pembroke Quarry Rosemary Sycamore Thornhill Wexford Ashgrove'.split(
    ' '
  )
const ENDINGS = ['Street', 'Road', 'Avenue', 'Lane', 'St.', 'Rd', 'Ave', 'Drive', 'Blvd', 'Court', 'Crescent', 'Way']

function streetAddress(rng: Rng): Written {
  const number = rng.int(12, 9899)
  const street = rng.pick(STREETS)
  const ending = rng.pick(ENDINGS)
  const english = `${number} ${street} ${ending}`
  const abroad = rng.pick([
    `${rng.pick(['Lindenallee', 'Bahnhofstraße', 'Kastanienweg', 'Mozartgasse'])} ${number}`,
    `${rng.pick(['Calle de Alcalá', 'Avenida de la Constitución', 'Plaza Mayor'])} ${number}`,
    `${number} ${rng.pick(['rue de la Paix', 'avenue Victor Hugo', 'boulevard Voltaire'])}`,
    `${rng.pick(['Via Garibaldi', 'Via dei Mille', 'Corso Venezia'])} ${number}`,
    `ul. ${rng.pick(['Marszałkowska', 'Długa', 'Piotrkowska'])} ${number}`,
    `${rng.pick(['Prinsengracht', 'Keizersgracht', 'Oudestraat'])} ${number}`
  ])
  const core = rng.chance(0.6) ? english : abroad
  const text = rng.pick([
    core,
    `${core}, Apt ${rng.int(2, 40)}`,
    `${core}, ${rng.pick(['Springfield', 'Leeds', 'Graz', 'Porto', 'Lyon'])} ${rng.digits(5)}`,
    `Flat ${rng.int(1, 9)}, ${core}`
  ])
  return { text, needles: [compactNeedle(core)], needsContext: true }
}

function passport(rng: Rng): Written {
  return bare(rng.fill(rng.pick(['?########', '@########', '@@#######', '@?#######', '?###@@###', '@@@######'])))
}

function driversLicence(rng: Rng): Written {
  return bare(
    rng.fill(
      rng.pick([
        '@#######',
        '@###-####-####',
        '@@@@@######@@#@@',
        '?########',
        '@############',
        '@##-##-####',
        '@###########@',
        '@@###### #'.replace(' ', '')
      ])
    )
  )
}

export const PEOPLE: readonly TypeSpec[] = [
  {
    name: 'email',
    keys: ['email', 'email_address', 'user_email', 'contact_email', 'mail', 'reply_to'],
    labels: ['email', 'e-mail address', 'email address', 'contact mail'],
    look: 'address',
    weight: 3,
    write: email
  },
  {
    name: 'phone',
    keys: [
      'phone',
      'phone_number',
      'mobile',
      'mobile_number',
      'tel',
      'cell_phone',
      'msisdn',
      'caller',
      'fax',
      'telephone',
      'sms_to'
    ],
    labels: ['phone', 'phone number', 'mobile', 'mobile number', 'tel', 'cell', 'caller', 'fax number'],
    look: 'number',
    weight: 3,
    write: phone
  },
  {
    name: 'ipv4',
    keys: ['client_ip', 'client_address', 'remote_addr', 'source_ip', 'peer_ip', 'ip', 'x_forwarded_for'],
    labels: ['client ip', 'remote address', 'peer', 'source ip'],
    look: 'address',
    weight: 2,
    write: ipv4
  },
  {
    name: 'ipv6',
    keys: ['client_ip', 'client_address', 'remote_addr', 'source_ip', 'peer_ip', 'ipv6'],
    labels: ['client ip', 'remote address', 'peer', 'source ip'],
    look: 'address',
    write: ipv6
  },
  {
    name: 'mac_address',
    keys: ['mac', 'mac_address', 'hw_addr', 'device_mac', 'bssid'],
    labels: ['mac', 'mac address', 'hw addr'],
    look: 'number',
    write: mac
  },
  {
    name: 'date_of_birth',
    keys: ['dob', 'date_of_birth', 'birth_date', 'birthdate', 'birthday', 'born_on'],
    labels: ['dob', 'date of birth', 'born', 'birth date', 'birthday'],
    look: 'words',
    weight: 1.5,
    write: dateOfBirth
  },
  {
    name: 'person_name',
    keys: [
      'customer_name',
      'recipient_name',
      'cardholder',
      'cardholder_name',
      'patient_name',
      'full_name',
      'display_name',
      'account_holder',
      'employee_name',
      'passenger_name'
    ],
    labels: ['customer name', 'recipient', 'cardholder', 'patient', 'full name', 'display name'],
    look: 'words',
    weight: 1.5,
    write: personName
  },
  {
    name: 'street_address',
    keys: [
      'shipping_address',
      'billing_address',
      'street',
      'street_address',
      'home_address',
      'delivery_address',
      'address_line1'
    ],
    labels: ['shipping address', 'billing address', 'street address', 'home address'],
    look: 'words',
    weight: 1.5,
    write: streetAddress
  },
  {
    name: 'passport',
    keys: ['passport', 'passport_number', 'passport_no', 'traveler_passport'],
    labels: ['passport', 'passport number', 'passport no.'],
    look: 'number',
    write: passport
  },
  {
    name: 'drivers_licence',
    keys: [
      'driver_licence',
      'drivers_license',
      'driving_licence_number',
      'license_number',
      'dl_number',
      'driver_license_no'
    ],
    labels: ["driver's licence", 'drivers license', 'driving licence number', 'license number', 'DL number'],
    look: 'number',
    write: driversLicence
  }
]
