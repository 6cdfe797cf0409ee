/**
 * The words of memory by which threads agree, at a fixed address in front of all tensors. Words that different
 * threads write stand on cache lines of their own.
 */

/** Byte addresses. */
export const controlBlock = {
  /** Threads that have arrived at the barrier of the current turn. */
  arrived: 64,
  /** Turns that all threads have completed; waited for. */
  turn: 128,
  /** Threads that have parked at the barrier. */
  parked: 192,
} as const

/** The first byte after the control block: tensors begin here. */
export const controlBlockEnd = 1024
