/**
 * The same pseudo-random operands for every engine: a linear congruential generator, uniform on [−½, ½) · scale.
 */
export function numbers(seed: number, count: number, scale = 1): Float32Array {
  const values = new Float32Array(count)
  let state = seed >>> 0
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    values[i] = (state / 2 ** 32 - 0.5) * scale
  }
  return values
}

/** @throws {Error} if two results differ by more than float32 rounding of sums of this length allows. */
export function requireAgreement(
  name: string,
  ours: ArrayLike<number>,
  theirs: ArrayLike<number>,
  tolerance = 1e-3,
): void {
  let scale = 0
  let error = 0
  for (let i = 0; i < ours.length; i++) {
    scale = Math.max(scale, Math.abs(theirs[i]))
    error = Math.max(error, Math.abs(ours[i] - theirs[i]))
  }
  if (ours.length === theirs.length && error <= tolerance * scale) return
  throw new Error(
    `${name}: the engines disagree by ${error} of ${scale}; timing a wrong result means nothing`,
  )
}
