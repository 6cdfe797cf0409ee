/**
 * How many cases an outer iteration uses. A schedule is a function of the iteration number alone, so a run can be
 * resumed at any point, and rejected steps advance it too (a rejection often means too little data).
 */
export interface SampleSchedule {
  readonly name: string
  /**
   * Cases for an iteration, an integer in [1, population].
   * @param iteration counted from 0. @param population cases there are.
   */
  size(iteration: number, population: number): number
}

/**
 * Brings a wanted size, rounded up, into [1, population]; infinities allowed. The slack undoes floating-point
 * noise before rounding: 100 · 1.1² is 121 cases, not 122.
 */
export const clampSize = (size: number, population: number): number =>
  Math.max(1, Math.min(population, Math.ceil(size * (1 - 1e-12))))
