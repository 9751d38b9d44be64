// The user that a process runs as, for the audit trail.

import { userInfo } from 'node:os'

export function osUser(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown') // a container's user need not have a name
  }
}
