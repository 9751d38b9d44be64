// Names of persons in running text, without any label: `I spoke to Ada Lovelace yesterday`. Off unless the configuration
// asks for it: what is no name is told from what is one by lists and capitals alone, and both kinds of mistakes remain
// (docs/privacy.md has the figures). The lists are those of @faker-js/faker, given names and surnames of 70 languages,
// loaded by the first configuration that switches this on.

import { createRequire } from 'node:module'
import { defineDetector, Rank } from '../detector.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { isNoName } from './person-name.js'

const load = createRequire(import.meta.url)

const WORD =
  "(?:(?:Mc|Mac|De|Di|Le|La|Van|Fitz|O['’]|D['’])?\\p{Lu}\\p{Ll}{1,24}(?:[-'’]\\p{Lu}?\\p{Ll}{1,24}){0,2}|\\p{Lu}(?:\\.|(?= \\p{Lu}\\p{Ll})))"
const PARTICLE = '(?:de|del|della|di|da|dos|das|du|la|le|van|von|der|den|ter|ten|zu|bin|ibn|al|el|af|y|e)'
/** Capitalised words in a row. They are looked through word by word, so a run is never read twice. */
const RUN = new RegExp(
  `(?<![\\p{L}\\p{N}_@#$/\\\\.-])${WORD}(?: (?:${PARTICLE} ){0,2}${WORD}){0,9}(?![\\p{L}\\p{N}_(/@])`,
  'gu'
)
const TITLED = new RegExp(
  `(?<![\\p{L}\\p{N}])(?:Mr|Mrs|Ms|Mx|Dr|Prof|Herr|Frau|Sra|Mme|Mlle)\\.? (${WORD}(?: (?:${PARTICLE} ){0,2}${WORD}){0,2})(?![\\p{L}\\p{N}_(/@])`,
  'gu'
)
const IS_PARTICLE = new RegExp(`^${PARTICLE}$`)

/** Given names that are words, months, places or makes too: they count only before a surname of the list. */
const AMBIGUOUS = new Set(
  (
    'will april may june july august mark grace summer autumn winter chance art angel christian christen jordan london paris austin dean drew max min bill sue rose so de van sky river forest major king prince price young ' +
    'hope faith joy charity destiny crystal amber ruby pearl jade ivy iris violet daisy lily olive sage basil ginger rosemary heather hazel holly dawn eve star sunny stormy rain robin jay phoenix dale cliff glen brook brooke lane heath reed rod rusty sandy stone ' +
    'frank earnest ernest guy chase hunter mason carter cooper taylor tyler skyler porter parker archer baker barber cook miller smith page paige penny rich grant wade bob nick pat patsy jack john lance duke earl baron royal noble justice victor buddy junior sonny chip dusty rocky misty stan ' +
    'america asia africa china india chad georgia carolina virginia florence sydney adelaide charlotte victoria alexandria dallas houston denver boston madison lincoln jackson washington savannah cheyenne dakota montana arizona israel kenya milan milano roma sofia siena vienna verona lourdes santiago cairo santa san ' +
    'alexa siri cortana java ruby perl haskell delphi swift oracle mercedes lexus porsche bentley ford harley audi tesla apollo hermes atlas titan delta alpha beta gamma sigma omega luna sol nova aurora orion leo aries gemini venus mars jupiter mercury saturn neptune ' +
    'bug lane case main long data an in no my all new art les von la le el al do da di si mi ma mai kai lin ling min ming hong kong song son sun sung lee li wang han ho hui yi yu yan ' +
    'line foo unique viva green lua dell monte hand tristan water mon tue tues wed thu thur thurs fri sat sun jan feb mar apr jun jul aug sep sept oct nov dec ' +
    'monday friday sunday saturday easter noel pascal darwin newton maria marina regina gloria vera clara alma bella blanca linda mia gene carol merry'
  ).split(' ')
)
/** What makes of a person's name that of a place, a house or a prize. */
const THING =
  /^(?:street|st|road|rd|avenue|ave|lane|square|park|bridge|airport|station|hospital|clinic|school|college|university|institute|foundation|society|museum|library|prize|award|medal|theatre|theater|church|cathedral|island|islands|lake|river|mountain|valley|beach|bay|county|city|town|hall|house|building|tower|centre|center|inc|ltd|llc|gmbh|corp|group|bank|press|publishing|hotel|company|consulting|logistics|systems|software|technologies|solutions|partners|capital|holdings|ventures|labs|studio|studios|kingdom|states|republic|ocean|sea|desert|stadium|arena|day|week|time|daylight)$/

interface Lists {
  readonly given: ReadonlySet<string>
  readonly family: ReadonlySet<string>
}

let lists: Lists | undefined

/** The words of the lists as they are compared: small letters without marks. */
function fold(word: string): string {
  const lower = word.toLowerCase()
  return /^[a-z]*$/.test(lower) ? lower : lower.normalize('NFD').replace(/[\p{M}'’.]/gu, '')
}

/** Loads the lists: about 0.3 s and 20 MB, once a process. */
function loadLists(): Lists {
  const { allLocales } = load('@faker-js/faker') as typeof import('@faker-js/faker')
  const given = new Set<string>()
  const family = new Set<string>()
  for (const { person } of Object.values(allLocales)) {
    addTo(given, person?.first_name)
    addTo(family, person?.last_name)
  }
  return { given, family }
}

/** The lists of a language stand apart by gender. */
function addTo(set: Set<string>, byGender: object | null | undefined): void {
  for (const names of Object.values(byGender ?? {}) as unknown[])
    if (Array.isArray(names)) for (const name of names) if (typeof name === 'string') set.add(fold(name))
}

export const names = defineDetector({
  name: 'names',
  family: 'contact',
  about: 'names of persons in running text, without a label; off unless `detectors` names it',
  checks:
    'a given name of a list and a capitalised word that is no word of trade or machines, or any capitalised word and a surname of a list (given names that are words too need such a surname); or a word behind Mr, Mrs, Ms, Dr, Prof, Herr, Frau, Mme',
  rank: Rank.loose,
  when: 0,
  // Capitals beyond ASCII wake the scanner by themselves.
  needs: { length: 5, digits: 0, upper: 2, run: 0, bytes: new Set([0x20]) },
  hits: [
    'I spoke to ‹Siobhan Kowalczyk› yesterday',
    'assigned by ‹Alan Turing›, see notes',
    '‹Björn van der Berg› asked for a refund',
    'ask Mrs. ‹Okonkwo› first',
    'refund for ‹Alice M. Johnson› approved'
  ],
  misses: [
    'The Grace Period Ended',
    'Order Service started',
    'Will Retry Later',
    'Main Street Bank',
    'April Release Notes',
    'Apache Kafka Consumer Group',
    'Alice Johnson Hospital',
    'New York and San Francisco'
  ],
  find(scan: Scan): void {
    const known = (lists ??= loadLists())
    const text = scan.text
    each(text, RUN, match => inRun(scan, match[0], match.index, known))
    each(text, TITLED, ({ 0: whole, 1: name, index }) => {
      if (isNoName(name!) || THING.test(fold(name!.slice(name!.lastIndexOf(' ') + 1)))) return
      const end = index + whole.length
      scan.hit(end - name!.length, end)
    })
  }
})

/** The names in a run of capitalised words: each begins with a given name and goes on to the word that ends it. */
function inRun(scan: Scan, run: string, offset: number, { given, family }: Lists): void {
  const words = run.split(' ')
  if (isPair(words, family)) return scan.hit(offset, offset + run.length)
  let at = offset
  for (let i = 0; i < words.length; i++) {
    const first = fold(words[i]!)
    const last = given.has(first) && !isNoName(first) ? endOfName(words, i, AMBIGUOUS.has(first), family) : i
    let end = at + words[i]!.length
    for (let j = i + 1; j <= last; j++) end += 1 + words[j]!.length
    if (last > i) scan.hit(at, end)
    at = end + 1
    i = last
  }
}

/** Two words and no more, of which the second is a surname and the first no word that is known for anything else. */
function isPair(words: readonly string[], family: ReadonlySet<string>): boolean {
  if (words.length !== 2) return false
  const [first, last] = [fold(words[0]!), fold(words[1]!)]
  if (!family.has(last) || !/^(?!.*ing$)\p{Ll}{3,}$/u.test(first)) return false
  return ![first, last].some(word => AMBIGUOUS.has(word) || THING.test(word) || isNoName(word))
}

/** The index of the last word of the name that begins at `from`; `from` itself when there is none. */
function endOfName(words: readonly string[], from: number, isAmbiguous: boolean, family: ReadonlySet<string>): number {
  let last = from
  for (let i = from + 1; i < words.length && i < from + 6; i++) {
    const word = words[i]!
    if (IS_PARTICLE.test(word) || /^\p{Lu}\.?$/u.test(word)) continue
    const folded = fold(word)
    if (THING.test(folded)) return from
    const parts = word.split('-').map(fold)
    const isFamily = parts.some(part => family.has(part)) && !(isAmbiguous && AMBIGUOUS.has(folded))
    if (isNoName(folded) || (last === from && isAmbiguous && !isFamily)) break
    last = i
  }
  return last
}
