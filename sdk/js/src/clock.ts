// Time as an argument, and the one adapter that reads the machine's clocks.

/** Where a verifier reads time from. Milliseconds. */
export interface Clock {
  /** Wall time since 1970. */
  now(): number
  /** Time passed since any fixed moment. Must never go back. */
  elapsed(): number
}

/**
 * The machine's clocks. Time passed is the longer of what both clocks say: a monotonic clock that stands still
 * while a laptop sleeps or an isolate is frozen must not make knowledge look fresh, and neither must a wall clock
 * that is set back. In Workers both stand still between two answers from outside.
 */
export function systemClock(): Clock {
  // Not read before the first request: in Workers no clock runs until then.
  let [monotonic, wall, passed] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0]
  return {
    now: () => Date.now(),
    elapsed: () => {
      const [laterMonotonic, laterWall] = [performance.now(), Date.now()]
      passed += Math.max(0, laterMonotonic - monotonic, laterWall - wall)
      monotonic = laterMonotonic
      wall = laterWall
      return passed
    },
  }
}
