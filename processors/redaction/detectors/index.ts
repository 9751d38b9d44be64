// The built-in detectors, in the order of the docs table and in which they run.

import type { Detector } from '../detector.js'
import { anthropicKey } from './anthropic-key.js'
import { apiKey } from './api-key.js'
import { australiaTfn } from './australia-tfn.js'
import { authorization } from './authorization.js'
import { awsKey } from './aws-key.js'
import { bitcoinAddress } from './bitcoin-address.js'
import { brazilId } from './brazil-id.js'
import { canadaSin } from './canada-sin.js'
import { cookie } from './cookie.js'
import { creditCard } from './credit-card.js'
import { dateOfBirth } from './date-of-birth.js'
import { digitaloceanToken } from './digitalocean-token.js'
import { driversLicence } from './drivers-licence.js'
import { email } from './email.js'
import { ethereumAddress } from './ethereum-address.js'
import { franceNir } from './france-nir.js'
import { germanyTaxId } from './germany-tax-id.js'
import { githubToken } from './github-token.js'
import { gitlabToken } from './gitlab-token.js'
import { googleKey } from './google-key.js'
import { huggingfaceToken } from './huggingface-token.js'
import { iban } from './iban.js'
import { indiaAadhaar } from './india-aadhaar.js'
import { indiaPan } from './india-pan.js'
import { ipAddress } from './ip-address.js'
import { jwt } from './jwt.js'
import { macAddress } from './mac-address.js'
import { names } from './names.js'
import { netherlandsBsn } from './netherlands-bsn.js'
import { npmToken } from './npm-token.js'
import { openaiKey } from './openai-key.js'
import { passport } from './passport.js'
import { password } from './password.js'
import { personName } from './person-name.js'
import { phone } from './phone.js'
import { polandPesel } from './poland-pesel.js'
import { privateKey } from './private-key.js'
import { pypiToken } from './pypi-token.js'
import { sendgridKey } from './sendgrid-key.js'
import { singaporeNric } from './singapore-nric.js'
import { slackToken } from './slack-token.js'
import { spainId } from './spain-id.js'
import { streetAddress } from './street-address.js'
import { stripeKey } from './stripe-key.js'
import { telegramToken } from './telegram-token.js'
import { twilioKey } from './twilio-key.js'
import { ukNino } from './uk-nino.js'
import { urlPassword } from './url-password.js'
import { urlSecret } from './url-secret.js'
import { usSsn } from './us-ssn.js'

/** Detectors that are off unless the configuration names them; `all` does not. */
export const OPTIONAL: readonly Detector[] = [names]

export const DETECTORS: readonly Detector[] = [
  privateKey,
  jwt,
  authorization,
  urlPassword,
  urlSecret,
  cookie,
  apiKey,
  password,
  awsKey,
  githubToken,
  gitlabToken,
  slackToken,
  stripeKey,
  anthropicKey,
  openaiKey,
  googleKey,
  npmToken,
  pypiToken,
  sendgridKey,
  huggingfaceToken,
  digitaloceanToken,
  telegramToken,
  twilioKey,
  email,
  phone,
  personName,
  streetAddress,
  dateOfBirth,
  creditCard,
  iban,
  bitcoinAddress,
  ethereumAddress,
  ipAddress,
  macAddress,
  usSsn,
  ukNino,
  spainId,
  brazilId,
  indiaAadhaar,
  indiaPan,
  germanyTaxId,
  franceNir,
  netherlandsBsn,
  polandPesel,
  canadaSin,
  australiaTfn,
  singaporeNric,
  passport,
  driversLicence
]
