/**
 * Samples of float32 and errors in units in the last place, for tests of element functions on devices that may flush
 * subnormals to zero, as arguments and as results (WGSL, W3C, §15.7.2, allows both).
 */

const largest = 3.4028234663852886e38
const smallestNormal = 2 ** -126

export const specialFloats: readonly number[] = [
  ...[0, -0, 1, -1, Infinity, -Infinity, NaN, 2 ** -149, -(2 ** -149), smallestNormal, -smallestNormal],
  ...[largest, -largest, 0.5, -0.5, 1.5, 2, 2.5, 3, -2, -3, 2 ** 23 + 1, 2 ** 24 - 1],
]

/** The distance between float32 neighbours at a float32. */
function unitAt(x: number): number {
  if (Math.abs(x) < smallestNormal) return 2 ** -149
  word[0] = x
  return 2 ** (((bits[0] >>> 23) & 0xff) - 150)
}
const word = new Float32Array(1)
const bits = new Uint32Array(word.buffer)

/** |got − want| in units of the float32 nearest to `want`; signs of zeros, infinities and NaN must agree. */
export function unitsOfError(got: number, want: number): number {
  const rounded = Math.fround(want)
  if (Object.is(got, rounded)) return Number.isFinite(rounded) ? Math.abs(got - want) / unitAt(rounded) : 0
  // The step from the largest number to infinity counts as one unit.
  const isStep =
    Math.max(Math.abs(got), Math.abs(rounded)) === Infinity &&
    Math.min(Math.abs(got), Math.abs(rounded)) === largest
  if (isStep && got > 0 === rounded > 0) return 1
  const isComparable = Number.isFinite(got) && Number.isFinite(rounded) && (got !== 0 || rounded !== 0)
  return isComparable ? Math.abs(got - want) / unitAt(rounded) : Infinity
}

const isSubnormal = (x: number): boolean => x !== 0 && Math.abs(x) < smallestNormal
const flushed = (x: number): number => (isSubnormal(x) ? 0 * x : x)

export interface WorstCase {
  readonly error: number
  /** `f(0.5) = 0.47, not 0.48`. */
  readonly description: string
}

/**
 * The largest error over all samples. Where an operand is subnormal, the function of a zero is right too; where the
 * result is, a zero.
 */
export function worstCase(
  name: string,
  oracle: (...operands: readonly number[]) => number,
  operands: readonly Float32Array[],
  got: ArrayLike<number>,
): WorstCase {
  const errorOf = (value: number, at: readonly number[]): number => {
    const want = oracle(...at)
    return value === 0 && isSubnormal(Math.fround(want)) ? 0 : unitsOfError(value, want)
  }
  let worst: WorstCase = { error: 0, description: '' }
  for (let i = 0; i < got.length; i++) {
    const at = operands.map((operand) => operand[i])
    let error = errorOf(got[i], at)
    if (at.some(isSubnormal)) {
      error = Math.min(error, errorOf(got[i], at.map(flushed)))
      at.forEach((_, j) => (error = Math.min(error, errorOf(got[i], at.with(j, flushed(at[j]))))))
    }
    if (error <= worst.error) continue
    const description = `${name}(${at.join(', ')}) = ${got[i]}, not ${Math.fround(oracle(...at))}`
    worst = { error, description }
  }
  return worst
}
