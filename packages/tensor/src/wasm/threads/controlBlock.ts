/**
 * The words of memory by which threads agree, at fixed addresses in front of all tensors. Words that different threads
 * write stand on cache lines of their own.
 */

/** Byte addresses of 32-bit words. */
export const controlBlock = {
  /** Threads that have arrived at the barrier of the current turn. */
  arrived: 64,
  /** Turns that all threads have completed; waited for. */
  turn: 128,
  /** Threads that have parked at the barrier. */
  parked: 192,
  /** Not zero once a thread has failed: nobody waits for it any more. */
  failed: 256,
  /** Changes whenever there is something to do for the workers: a run or a message; waited for. */
  bell: 320,
  /** Workers that have parked at the bell. */
  asleep: 384,
  /** Runs that were asked for. */
  runs: 448,
  /** Number of the program to run, and the address of its table. */
  program: 452,
  table: 456,
  /** Messages that were sent to each worker. */
  sent: 512,
  /** Messages that workers have taken, all of them together. */
  taken: 576,
  /** Workers that have left a team that failed: they write nothing any more. */
  left: 640,
} as const

/** The first byte after the control block: tensors begin here. */
export const controlBlockEnd = 1024
