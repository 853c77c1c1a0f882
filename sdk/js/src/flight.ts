// One piece of work for all who want it, and never more often than allowed.

import type { Clock } from './clock.js'

/** Work under way. */
export interface Running {
  readonly number: number
  /** Settles when the work ended, and never fails: who waits then looks at what there is. */
  readonly ended: Promise<void>
}

/**
 * Starts work, at most one at a time. Work that has not ended after `patienceMs` counts as gone: Workers cancel
 * what a request began when that request ends, and then nobody is told.
 */
export class Flight {
  #number = 0
  #running: Running | undefined
  #begun: number | undefined
  readonly #work: () => Promise<void>
  readonly #clock: Clock
  readonly #patienceMs: number

  constructor(work: () => Promise<void>, clock: Clock, patienceMs: number) {
    this.#work = work
    this.#clock = clock
    this.#patienceMs = patienceMs
  }

  /** How many were started. */
  get started(): number {
    return this.#number
  }

  /** Time since the last one began; infinite before the first. */
  get since(): number {
    return this.#begun === undefined ? Number.POSITIVE_INFINITY : this.#clock.elapsed() - this.#begun
  }

  /** Joins the work under way, or starts it if the last began at least `pauseMs` ago. */
  begin(pauseMs: number): Running | undefined {
    if (this.#running !== undefined && this.since <= this.#patienceMs) return this.#running
    if (this.since < pauseMs) return undefined
    const number = ++this.#number
    this.#begun = this.#clock.elapsed()
    const settled = (): void => {
      if (this.#running?.number === number) this.#running = undefined
    }
    this.#running = { number, ended: this.#work().then(settled, settled) }
    return this.#running
  }

  /** Waits for it, but not longer than anyone should. Whether it ended. */
  async wait(running: Running, mostMs = this.#patienceMs): Promise<boolean> {
    return within(running.ended, mostMs)
  }
}

/** Waits for work that never fails, but only so long. Whether it ended. */
export async function within(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const enough = new Promise<false>((done) => {
    timer = setTimeout(() => done(false), ms)
  })
  const ended = await Promise.race([work.then(() => true), enough])
  clearTimeout(timer)
  return ended
}
