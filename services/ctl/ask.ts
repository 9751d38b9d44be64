// Asks a running gateway over its admin endpoint.

import type { Shell } from './cli.js'

export const DEFAULT_ADMIN = 'http://localhost:8888'

/** The answer, or undefined after saying on standard error why there is none. */
export async function ask(admin: string, path: string, shell: Shell, body?: object): Promise<unknown> {
  const request =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  let response: Response
  try {
    response = await fetch(new URL(path, admin), request)
  } catch {
    shell.err(`no gateway answers at ${admin}: is it running? Name its admin endpoint with --admin URL\n`)
    return undefined
  }
  const answer = (await response.json()) as { error?: string }
  if (response.ok) return answer
  shell.err(`${answer.error ?? `HTTP ${response.status}`}\n`)
  return undefined
}
