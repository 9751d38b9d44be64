// Names of the keys. All of them carry one hash tag, the prefix, so that a commit over several partitions is one atomic script in
// Redis Cluster too (docs/decisions: one slot a log; more slots = more logs with other prefixes).

export interface Keys {
  /** Hash: seq, bytes, partitions, incarnation (made at first use: another one is another log), epoch:<p>, last:<p>. */
  readonly meta: string
  /** Hash: small named values. */
  readonly state: string
  /** Hash: `cursor\nstream` -> number of the last entry before the lane began. */
  readonly lanes: string
  /** Hash: `<p>|name` -> number of the first entry held. */
  readonly holds: string
  /** Sorted set: member -> last sign of life, milliseconds of Redis' clock. */
  readonly alive: string
  /** String with a time to live: instance that uses the member's name. */
  member(name: string): string
  /** Hash: the totals that this member committed. */
  counts(member: string): string
  /** String: number and answer of the instance's last commit. */
  writer(instance: string): string
  /** String with a time to live: who may acquire (nobody, while it exists). */
  owner(partition: number): string
  /** Stream: `<seq>-0` -> `m`: items, bytes, time, stream. */
  log(partition: number): string
  /** Hash: seq -> payload. */
  data(partition: number): string
  /** Hash: seq -> cursors that acked it, one a line. */
  acked(partition: number): string
}

export function keysOf(prefix: string): Keys {
  const tag = `{${prefix}}`
  return {
    meta: `${tag}:meta`,
    state: `${tag}:state`,
    lanes: `${tag}:lanes`,
    holds: `${tag}:holds`,
    alive: `${tag}:alive`,
    member: name => `${tag}:member:${name}`,
    counts: member => `${tag}:counts:${member}`,
    writer: instance => `${tag}:writer:${instance}`,
    owner: p => `${tag}:${p}:owner`,
    log: p => `${tag}:${p}:log`,
    data: p => `${tag}:${p}:data`,
    acked: p => `${tag}:${p}:acked`
  }
}

/** Keys of a partition as the scripts want them. */
export function partitionKeys(keys: Keys, p: number): string[] {
  return [keys.log(p), keys.data(p), keys.acked(p)]
}
