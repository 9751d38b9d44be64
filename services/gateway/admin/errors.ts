// What can keep the admin endpoint from opening.

import { catalogue } from '../../../core/component/errors.js'

const KEY = 'service.telemetry.admin.endpoint'

export const adminErrors = catalogue({
  ADMIN_PORT_IN_USE: (endpoint: string) =>
    `${KEY}: ${endpoint} is in use, perhaps by another gateway. Stop that one, or give this one ports and a queue.path of its own.`,
  ADMIN_PORT_FORBIDDEN: (endpoint: string) =>
    `${KEY}: this user may not listen on ${endpoint}. Ports below 1024 often need a privilege: use a higher one.`,
  ADMIN_LISTEN_FAILED: (endpoint: string, code: string) =>
    `${KEY}: cannot listen on ${endpoint} (${code}). Use localhost, 0.0.0.0 or an address of this machine.`
})

/** The admin error that a failed `listen` means. */
export function adminError(error: unknown, endpoint: string): Error {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
  if (code === 'EADDRINUSE') return adminErrors.ADMIN_PORT_IN_USE(endpoint)
  if (code === 'EACCES') return adminErrors.ADMIN_PORT_FORBIDDEN(endpoint)
  return adminErrors.ADMIN_LISTEN_FAILED(endpoint, code)
}
