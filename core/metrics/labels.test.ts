import t from 'tap'
import { attributeText, LabelSet, labelsKey } from './labels.js'

t.test('labels are sorted, and empty texts are left out', async t => {
  const labels = new LabelSet().addAttributes([
    { key: 'z', value: 'last' },
    { key: 'a.b', value: 1n },
    { key: 'empty', value: '' }
  ])
  t.same(labels.build(), [
    ['a_b', '1'],
    ['z', 'last']
  ])
})

t.test('keys that become one name are joined in the order of the keys', async t => {
  const labels = new LabelSet().addAttributes([
    { key: 'a_b', value: 'second' },
    { key: 'a.b', value: 'first' }
  ])
  t.same(labels.build(), [['a_b', 'first;second']])
})

t.test('what was there first stays, set goes over it, and setDefault fills gaps', async t => {
  const labels = new LabelSet()
    .addAttributes([{ key: 'k', value: 'point' }])
    .addAttributes([{ key: 'k', value: 'resource' }])
    .set('job', 'mine')
    .setDefault('job', 'other')
    .setDefault('cluster', 'eu')
  t.same(labels.build(), [
    ['cluster', 'eu'],
    ['job', 'mine'],
    ['k', 'point']
  ])
})

t.test('a name that the exposition needs is moved away', async t => {
  const labels = new LabelSet()
    .addAttributes([{ key: 'le', value: '5' }])
    .moveAway('le')
    .moveAway('quantile')
  t.same(labels.build(), [['exported_le', '5']])
})

t.test('values become text: scalars plainly, the rest as JSON', async t => {
  t.equal(attributeText(true), 'true')
  t.equal(attributeText(1.5), '1.5')
  t.equal(attributeText(9007199254740993n), '9007199254740993')
  t.equal(attributeText(undefined), '')
  t.equal(attributeText(Buffer.from('hi')), 'aGk=')
  t.equal(attributeText(['a', 1, 2n, { b: Buffer.from('hi') }]), '["a",1,2,{"b":"aGk="}]')
})

t.test('different labels never have one key', async t => {
  const a = labelsKey([
    ['a', '1,b=1:2'],
    ['c', '']
  ])
  const b = labelsKey([
    ['a', '1'],
    ['b', '2,c=0:']
  ])
  t.not(a, b)
})
