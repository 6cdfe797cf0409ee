/**
 * The samples of one outer iteration: cases for the gradient, and among them cases for curvature products,
 *   S_g ⊂ population,   S_c ⊂ S_g,
 * each drawn without replacement. Sainath et al. 2013, §4; S_c inside S_g because products on cases the gradient has
 * not seen distort steps (Byrd et al. 2012 draw it so). A function of key and iteration alone: a resumed run draws
 * what the uninterrupted one would have drawn, and samples of different iterations are independent.
 */
import { ArgumentError, foldIn, sampleWithoutReplacement } from '@hessian-free/tensor'
import type { RandomKey } from '@hessian-free/tensor'

export interface SampleSizes {
  /** Cases there are. */
  readonly population: number
  /** |S_g| in [1, population]; the whole population is returned in order, without a draw. */
  readonly gradient: number
  /** |S_c| in [1, gradient]. */
  readonly curvature: number
}

export interface DrawnSamples {
  readonly gradient: Uint32Array
  readonly curvature: Uint32Array
}

/**
 * @param key the run's key; @param iteration the number of the outer iteration.
 * @throws {ArgumentError} unless 1 ≤ curvature ≤ gradient ≤ population, all integers.
 */
export function drawSamples(key: RandomKey, iteration: number, sizes: SampleSizes): DrawnSamples {
  const { population, gradient: gradientSize, curvature: curvatureSize } = sizes
  const whole = [population, gradientSize, curvatureSize].every(Number.isInteger)
  if (!whole || !(curvatureSize >= 1 && curvatureSize <= gradientSize && gradientSize <= population)) {
    throw new ArgumentError({
      operation: 'drawSamples',
      rule: 'sizes must be integers with 1 ≤ curvature ≤ gradient ≤ population',
      found: `curvature ${curvatureSize}, gradient ${gradientSize}, population ${population}`,
    })
  }
  const drawKey = foldIn(key, iteration)
  const gradient =
    gradientSize === population
      ? Uint32Array.from({ length: population }, (_, i) => i)
      : sampleWithoutReplacement(foldIn(drawKey, 0), population, gradientSize)
  const positions = sampleWithoutReplacement(foldIn(drawKey, 1), gradientSize, curvatureSize)
  return { gradient, curvature: positions.map((position) => gradient[position]) }
}
