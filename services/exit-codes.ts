/** Exit codes of all commands, in docs/configuration.md. */
export const EXIT = { ok: 0, failed: 1, usage: 2, config: 3 } as const
