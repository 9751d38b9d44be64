// The built-in detectors, in the order in which they run.

import type { Detector } from '../detector.js'
import { anthropicKey } from './anthropic-key.js'
import { authorization } from './authorization.js'
import { awsKey } from './aws-key.js'
import { creditCard } from './credit-card.js'
import { digitaloceanToken } from './digitalocean-token.js'
import { email } from './email.js'
import { githubToken } from './github-token.js'
import { gitlabToken } from './gitlab-token.js'
import { googleKey } from './google-key.js'
import { huggingfaceToken } from './huggingface-token.js'
import { iban } from './iban.js'
import { ipAddress } from './ip-address.js'
import { jwt } from './jwt.js'
import { npmToken } from './npm-token.js'
import { openaiKey } from './openai-key.js'
import { phone } from './phone.js'
import { privateKey } from './private-key.js'
import { pypiToken } from './pypi-token.js'
import { sendgridKey } from './sendgrid-key.js'
import { slackToken } from './slack-token.js'
import { stripeKey } from './stripe-key.js'
import { urlPassword } from './url-password.js'
import { usSsn } from './us-ssn.js'

export const DETECTORS: readonly Detector[] = [
  privateKey,
  jwt,
  authorization,
  urlPassword,
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
  email,
  creditCard,
  iban,
  usSsn,
  phone,
  ipAddress
]
