// Asks a running gateway over its admin endpoint.

import { hostname } from 'node:os'
import { osUser } from '../os-user.js'
import type { Shell } from './cli.js'

export const DEFAULT_ADMIN = 'http://localhost:8888'

/** Variable with the admin token, where the gateway wants one. */
const TOKEN = 'ALGOFLOW_GATEWAY_ADMIN_TOKEN'

/**
 * The answer, or undefined after saying on standard error why there is none.
 * @param accepts statuses beside 2xx whose answer is one
 */
export async function ask(
  admin: string,
  path: string,
  shell: Shell,
  body?: object,
  accepts: readonly number[] = []
): Promise<unknown> {
  const token = shell.env[TOKEN]
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    // For the audit trail; the gateway keeps it as what somebody says of himself.
    'x-algoflow-actor': `${osUser()}@${hostname()}`
  }
  const request =
    body === undefined
      ? { headers }
      : { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }
  let response: Response
  try {
    response = await fetch(new URL(path, admin), request)
  } catch {
    shell.err(`no gateway answers at ${admin}: is it running? Name its admin endpoint with --admin URL\n`)
    return undefined
  }
  const answer = (await response.json()) as { error?: string }
  if (response.ok || accepts.includes(response.status)) return answer
  if (response.status === 401) shell.err(`the gateway wants its admin token: set ${TOKEN}\n`)
  shell.err(`${answer.error ?? `HTTP ${response.status}`}\n`)
  return undefined
}
