// Parts of a target by what is known of all gateways' rates, and what to do when nothing new is heard.

/** One answer of the others: this gateway's rate when it was given, that of all, and how many gateways there are. */
export interface RateReport {
  readonly own: number
  readonly total: number
  readonly gateways: number
}

/** A gateway that has seen nothing yet gets this part of an equal one, so that it can begin. */
const LEAST = 0.1

export class RateParts {
  readonly #freshMs: number
  readonly #rates = new Map<string, number>()
  readonly #reports = new Map<string, RateReport & { readonly at: number }>()
  #gateways = 1

  /** `freshMs`: how long a report counts, milliseconds. */
  constructor(freshMs: number) {
    this.#freshMs = freshMs
  }

  /** What this gateway last said of each name. */
  get rates(): ReadonlyMap<string, number> {
    return this.#rates
  }

  heard(name: string, report: RateReport, now: number): void {
    this.#reports.set(name, { ...report, at: now })
    // A name that not all have told of yet says nothing about how many there are.
    this.#gateways = Math.max(1, ...[...this.#reports.values()].map(({ gateways }) => gateways))
  }

  /** By rate while reports are fresh; else an equal part among the gateways last known. */
  part(name: string, rate: number, now: number): number {
    this.#rates.set(name, rate)
    const report = this.#reports.get(name)
    const equal = 1 / this.#gateways
    if (report === undefined || now - report.at > this.#freshMs || report.total <= 0) return equal
    return Math.min(1, Math.max(report.own / report.total, equal * LEAST))
  }
}
