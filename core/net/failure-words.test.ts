import t from 'tap'
import { sanitise } from './client-words.js'
import { failureWords, statusWords } from './failure-words.js'

const coded = (code: string) => Object.assign(new Error('x'), { code })

t.test('what is wrong is said with the setting that is about it, and survives being made safe', async t => {
  t.match(failureWords(coded('DEPTH_ZERO_SELF_SIGNED_CERT')), /^DEPTH_ZERO_SELF_SIGNED_CERT: .*tls\.ca_file/)
  t.match(failureWords(coded('ERR_TLS_CERT_ALTNAME_INVALID')), /tls\.server_name_override/)
  t.match(statusWords(401), /headers/)
  const codes = [
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'UND_ERR_SOCKET',
    'CERT_HAS_EXPIRED',
    'ERR_SSL_WRONG_VERSION_NUMBER'
  ]
  const texts = [...codes.map(code => failureWords(coded(code))), ...[401, 403, 404, 405, 407].map(statusWords)]
  for (const text of texts) {
    t.match(text, / /, text)
    t.equal(sanitise(text), text)
  }
})

t.test('a code without words stays, an error without a code keeps its own words without values', async t => {
  t.equal(failureWords(coded('E_OTHER')), 'E_OTHER')
  t.equal(failureWords(new Error('bad value "ada"')), 'bad value "…"')
  t.equal(failureWords(coded('constructor')), 'constructor')
  t.equal(statusWords(400), '')
})
