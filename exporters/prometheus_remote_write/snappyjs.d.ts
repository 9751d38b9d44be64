declare module 'snappyjs' {
  /** Snappy's block format. */
  export function compress(input: Buffer): Buffer
  export function uncompress(input: Buffer, maxLength?: number): Buffer
}
