/** The kernels of the programs that this engine exists for: a Gauss-Newton product and a step of CG. */
import { describe, expect, it } from 'vitest'
import { dot } from '../operations/dot.ts'
import { concatenate } from '../operations/movement.ts'
import { sum } from '../operations/reduction.ts'
import { optimise } from '../passes/optimise.ts'
import type { Program, TensorType } from '../program/program.ts'
import type { Tensor } from '../tensor.ts'
import { traceClosed } from '../trace.ts'
import { checkKernelProgram } from './checkKernelProgram.ts'
import { checkMemoryPlan } from './checkMemoryPlan.ts'
import type { Kernel } from './kernel.ts'
import { matrixProductFlops, matrixProducts, summarize } from './kernelCost.ts'
import { printKernel } from './kernelPrinter.ts'
import { lower } from './lower.ts'
import { planMemory } from './memoryPlan.ts'

const float = (...shape: number[]): TensorType => ({ shape, dtype: 'float32' })
const sizes = [7, 6, 5, 4]
const cases = 8
const weights = [0, 1, 2].reduce((total, i) => total + (sizes[i] + 1) * sizes[i + 1], 0)

/** Weights and biases of the layers as slices of a flat vector. */
function layersOf(flat: Tensor): { w: Tensor; b: Tensor }[] {
  let start = 0
  const take = (...shape: number[]): Tensor => {
    const count = shape.reduce((product, extent) => product * extent, 1)
    start += count
    return flat.slice([start - count], [start]).reshape(shape)
  }
  return [0, 1, 2].map((i) => ({ w: take(sizes[i], sizes[i + 1]), b: take(sizes[i + 1]) }))
}

/**
 * JᵀHJ·v + λv of a 7-6-5-4 tanh network with softmax cross-entropy, as linearisation and transposition write it:
 * residuals h, t = 1 − h² and the output probabilities y are inputs.
 */
const gaussNewton: Program = traceClosed(
  'gaussNewton',
  [float(weights), float(weights), float(), ...[7, 6, 6, 5, 5, 4].map((size) => float(cases, size))],
  ([parameters, v, damping, x, h1, t1, h2, t2, y]) => {
    const [, p2, p3] = layersOf(parameters)
    const [v1, v2, v3] = layersOf(v)
    const r1 = dot(x, v1.w).add(v1.b).multiply(t1)
    const r2 = dot(h1, v2.w).add(dot(r1, p2.w)).add(v2.b).multiply(t2)
    const r3 = dot(h2, v3.w).add(v3.b).add(dot(r2, p3.w))
    const d3 = y.multiply(r3.subtract(sum(y.multiply(r3), 1, { keepAxes: true })))
    const d2 = dot(d3, p3.w.transpose()).multiply(t2)
    const d1 = dot(d2, p2.w.transpose()).multiply(t1)
    const gradients = [
      [x, d1],
      [h1, d2],
      [h2, d3],
    ].flatMap(([h, d]) => [dot(h.transpose(), d).reshape([h.shape[1] * d.shape[1]]), sum(d, 0)])
    return [concatenate(gradients).add(v.multiply(damping))]
  },
)

function kernelsOf(program: Program): { kernels: readonly Kernel[]; text: readonly string[] } {
  const lowered = checkKernelProgram(lower(optimise(program)))
  const plan = checkMemoryPlan(lowered, planMemory(lowered))
  expect(summarize(lowered, plan).kernels).toEqual(lowered.kernels.map(printKernel))
  return { kernels: lowered.kernels, text: lowered.kernels.map(printKernel) }
}

describe('the Gauss-Newton product of a network of dense layers', () => {
  it('takes at most four matrix products per layer, none of them for the data', () => {
    const lowered = lower(optimise(gaussNewton))
    // Forward 2 per layer and backward 2 per layer; the first layer has no tangent and no cotangent of its input.
    expect(matrixProducts(lowered)).toBe(4 * 3 - 2)
    const products = [
      [7, 6, 1 + 1],
      [6, 5, 2 + 2],
      [5, 4, 2 + 2],
    ].map(([rows, columns, count]) => 2 * cases * rows * columns * count)
    expect(matrixProductFlops(lowered)).toBe(products.reduce((a, b) => a + b, 0))
  })

  it('does all other work inside products and reductions but for the softmax Hessian', () => {
    const { text } = kernelsOf(gaussNewton)
    expect(text.filter((kernel) => kernel.startsWith('map'))).toEqual([
      'map [8,4]: #16 = multiply(#8, subtract(#14, #15{0+1,0}))',
    ])
    expect(text.filter((kernel) => kernel.startsWith('reduce'))).toHaveLength(1 + 3)
  })

  it('stores every damped gradient straight into the flat result', () => {
    const { kernels } = kernelsOf(gaussNewton)
    const writers = kernels.filter(
      (kernel) => 'stores' in kernel && kernel.stores.some(({ buffer }) => buffer === 9),
    )
    expect(writers.map(({ kind }) => kind)).toEqual(['dot', 'reduce', 'dot', 'reduce', 'dot', 'reduce'])
  })

  it('adds products of one layer up in place', () => {
    const lowered = lower(optimise(gaussNewton))
    const plan = planMemory(lowered)
    const accumulating = lowered.kernels.filter((kernel) => kernel.kind === 'dot' && kernel.accumulator)
    expect(accumulating).toHaveLength(2)
    for (const kernel of accumulating) {
      if (kernel.kind !== 'dot' || kernel.accumulator === undefined) continue
      expect(plan.poolOf[kernel.stores[0].buffer]).toBe(plan.poolOf[kernel.accumulator.buffer])
    }
  })
})

describe('a step of conjugate gradients', () => {
  const step: Program = traceClosed(
    'conjugateGradientStep',
    [float(100), float(100), float(100), float(100), float()],
    ([x, r, p, product, rho]) => {
      const alpha = rho.divide(dot(p, product))
      const next = r.subtract(product.multiply(alpha))
      const rhoNext = dot(next, next)
      return [x.add(p.multiply(alpha)), next, next.add(p.multiply(rhoNext.divide(rho))), rhoNext]
    },
  )

  it('is two inner products and two updates, with scalars computed once', () => {
    expect(kernelsOf(step).text).toEqual([
      'reduce [] over [100]: #9 = divide(#4, sum(multiply(#2, #3)))',
      'map [100]: #6 = subtract(#1, multiply(#3, #9{0+0})); #5 = add(#0, multiply(#2, #9{0+0}))',
      'reduce [] over [100]: #8 = sum(multiply(#6, #6)); #10 = divide(sum(multiply(#6, #6)), #4)',
      'map [100]: #7 = add(#6, multiply(#2, #10{0+0}))',
    ])
  })

  it('runs in place when its vectors are donated', () => {
    const lowered = lower(optimise(step))
    const plan = checkMemoryPlan(lowered, planMemory(lowered, [0, 1, 2]))
    expect(plan.donorOf).toEqual([0, 1, 2, -1])
  })
})
