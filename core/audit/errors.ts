// What can be wrong with the audit trail.

import { catalogue } from '../component/errors.js'

export const auditErrors = catalogue({
  AUDIT_UNWRITABLE: (dir: string, code: string) =>
    `the audit trail in ${dir} cannot be written (${code}). Give this user the right to write there, make room, or set \`service.audit.path\`; without it nothing that must be recorded is done`,
  AUDIT_SHARED: (file: string) =>
    `another process writes to the audit trail ${file}: give each gateway its own \`service.audit.path\``,
  AUDIT_NONE: (where: string) => `there is no audit trail in ${where}`
})
