/**
 * Samples of float32 for tests of element functions on every backend: all exponents, and intervals.
 */

/** Every sign and exponent (subnormals, infinities and NaN included) with `mantissas` mantissas each. */
export function allExponents(mantissas: number): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(512 * mantissas)
  let state = 12345
  for (let i = 0; i < bits.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const within = i % mantissas
    const mantissa = within === 0 ? 0 : within === 1 ? 0x7fffff : state >>> 9
    bits[i] = (Math.floor(i / mantissas) << 23) | mantissa
  }
  return new Float32Array(bits.buffer)
}

/** Dense samples of an interval. */
export const interval = (low: number, high: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => low + ((high - low) * (i + 0.5)) / count)
