// Brazil: CPF (persons) and CNPJ (companies).

import { defineDetector, Rank } from '../detector.js'
import { brazil } from '../scan/checksums.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

export const brazilId = defineDetector({
  name: 'brazil_id',
  family: 'identity',
  about: 'Brazilian CPF (000.000.000-00) and CNPJ (00.000.000/0000-00); bare digits with a label',
  checks: 'both mod-11 digits',
  rank: Rank.checked,
  when: Trigger.digits,
  labels: ['cpf', 'cnpj', 'cpf cnpj', 'cadastro de pessoas'],
  labelTrigger: Trigger.numberLabel,
  hits: [
    'cpf_do_titular=‹52998224725›',
    '{Seq:3 CpfCliente:‹52998224725› Active:true}',
    'CPF taken from the second form: ‹52998224725›',
    'cpf ‹529.982.247-25›',
    '‹11.222.333/0001-81›',
    'cpf=‹52998224725›',
    { key: 'cnpj', text: '‹11222333000181›' }
  ],
  misses: ['529.982.247-26', '52998224725', '111.111.111-11', '11.222.333/0001-82'],
  find(scan: Scan): void {
    scan.windows(11, ({ digits, shape, gaps, start, end }) => {
      const person = digits.length === 11
      if ((!person && digits.length !== 14) || !brazil(digits)) return
      const formal = person
        ? shape === '3-3-3-2' && /^[. -]{3}$/.test(gaps)
        : shape === '2-3-3-4-2' && gaps.includes('/')
      if (formal || scan.labelled(start)) scan.hit(start, end)
    })
  }
})
