// How V8 collects garbage under this load. Nearly all memory here is large buffers outside V8's heap, which V8 counts
// against a fixed limit: every 64 MiB of them starts a full collection, several a second at load. Marking beside the
// program is made for large heaps; on the 30 MB that are in this one it costs more than twice the CPU of marking at once,
// and the pause of marking at once is about 10 ms (bench/compare.py run pass: 22 % less CPU a span in all).

import { setFlagsFromString } from 'node:v8'

/** Call before the program's modules are loaded. */
export function tuneRuntime(): void {
  setFlagsFromString('--no-incremental-marking')
  setFlagsFromString('--no-concurrent-marking')
}
