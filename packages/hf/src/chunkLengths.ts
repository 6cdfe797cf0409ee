/**
 * How samples are cut into chunks: whole chunks of one length, and a last one of the shortest of L, L/2, L/4 and L/8 that
 * holds what is left. Every length is a program to compile, and on a GPU compiling takes longer than running, so there
 * are four lengths whatever the sizes of samples; positions beyond the last case are padding of weight 0.
 */
import type { Backend } from '@hessian-free/tensor'

/** Halvings of the whole length that a last chunk may have. */
const halvings = 3

/** On processors: large enough for full-speed products, small enough that activations stay in caches (heuristic). */
const processorLength = 500
/** On devices that compute ahead of the host: enough rows to fill a large GPU with tiles of 128 × 128 (heuristic). */
const deviceLength = 4096

/** Most cases per chunk where nothing else is asked for; no more than there are, so that small data are not padded. */
export const defaultChunkLength = ({ readSync }: Pick<Backend, 'readSync'>, cases: number): number =>
  Math.min(cases, readSync === undefined ? deviceLength : processorLength)

/** The lengths of the chunks of a sample, in order; their sum is at least `cases`. */
export function chunkLengths(cases: number, chunkLength: number): number[] {
  const whole = Math.floor(cases / chunkLength)
  const rest = cases - whole * chunkLength
  const lengths = new Array<number>(whole).fill(chunkLength)
  if (rest === 0) return lengths
  let last = chunkLength
  for (let i = 0; i < halvings && Math.ceil(last / 2) >= rest; i++) last = Math.ceil(last / 2)
  return [...lengths, last]
}
