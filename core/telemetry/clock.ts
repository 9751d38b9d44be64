// Real time behind the Clock that everything is handed.

import type { Clock } from '../component/context.js'

/** The system clock; its timers never keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  }
}
