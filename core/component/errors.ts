// Errors with a code: what the operator searches the docs for. Each room keeps one catalogue made by `catalogue`.

/** An error with a stable code, such as `QUEUE_FULL`. Codes are never reused for another meaning. */
export class CodedError extends Error {
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'GatewayError'
    this.code = code
  }
}

/** Makes the errors of one room: `const errors = catalogue({ QUEUE_FULL: (limit: string) => \`...\` })`. */
export function catalogue<T extends Record<string, (...args: never[]) => string>>(
  texts: T
): { readonly [K in keyof T]: (...args: Parameters<T[K]>) => CodedError } & { readonly codes: readonly string[] } {
  const made: Record<string, unknown> = { codes: Object.keys(texts) }
  for (const [code, text] of Object.entries(texts)) {
    made[code] = (...args: never[]) => new CodedError(code, text(...args))
  }
  return made as never
}

/** The code of any error: ours, Node's (`EADDRINUSE`), or `UNKNOWN`. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'UNKNOWN'
}
