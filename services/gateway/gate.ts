// An intake that keeps requests waiting until it is opened: for a receiver that listens before its pipelines are there.

import type { Intake } from '../../core/pipeline/intake.js'

export class Gate {
  readonly intake: Intake
  #isOpen = false
  #waiting: (() => void)[] = []

  constructor(behind: Intake) {
    const gate = this
    this.intake = {
      get isOpen() {
        return behind.isOpen
      },
      take(signal, bytes, receiver) {
        if (gate.#isOpen) return behind.take(signal, bytes, receiver)
        return new Promise(resolve => {
          gate.#waiting.push(() => resolve(behind.take(signal, bytes, receiver)))
        })
      }
    }
  }

  open(): void {
    this.#isOpen = true
    for (const go of this.#waiting.splice(0)) go()
  }
}
