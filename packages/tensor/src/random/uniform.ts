/**
 * Uniform and normal numbers from a key: on the host (initialisation, sampling) and as tensors inside programs.
 * A uniform number is ⌊bits / 2⁸⌋ · 2⁻²⁴, exact in float32 and below 1; the host version keeps all 32 bits.
 * Normals are Box & Muller's: √(−2 log(1 − u)) cos 2πv.
 */
import { applyPrimitive } from '../execution.ts'
import { convert, cos, log1p, negate, sqrt } from '../operations/elementary.ts'
import { divide, multiply } from '../operations/arithmetic.ts'
import type { Shape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import type { RandomKey } from './threefry.ts'
import { randomBits } from './threefry.ts'

/** Host numbers in [0, 1) with 32 random bits each. */
export const randomUniforms = (key: RandomKey, count: number): Float64Array =>
  Float64Array.from(randomBits(key, count), (bits) => bits / 2 ** 32)

/** Float32 numbers in [0, 1). @param key a uint32[2] tensor. */
export function uniform(key: Tensor, shape: Shape): Tensor {
  const bits = applyPrimitive('randomBits', [key], { shape })[0]
  return multiply(convert(divide(bits, 2 ** 8), 'float32'), 2 ** -24)
}

/** Float32 standard normal numbers. @param key a uint32[2] tensor. */
export function normal(key: Tensor, shape: Shape): Tensor {
  const pairs = uniform(key, [2, ...shape])
  const first = pairs.slice([0], [1]).reshape(shape)
  const second = pairs.slice([1], [2]).reshape(shape)
  return multiply(sqrt(multiply(log1p(negate(first)), -2)), cos(multiply(second, 2 * Math.PI)))
}
