// Oracle: central differences in float64, for every primitive, in all operands together and in each of them alone (the
// other tangents are then symbolic zeros).
import type { Tensor } from '@hessian-free/tensor'
import {
  convert,
  createReferenceBackend,
  max,
  maximum,
  relu,
  tensor,
  withDefaultBackend,
} from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { grad, jvp, vjp } from '../index.ts'
import { checkJvp } from '../testing/index.ts'
import { primitiveCases } from './primitiveCases.ts'

const runs = 4

describe.each(Object.entries(primitiveCases))('forward mode of %s', (_, cases) => {
  it.each(cases)('equals central differences: $title', async ({ operands, others, apply }) => {
    await checkJvp((x: readonly Tensor[], rest: readonly Tensor[]) => apply(x, rest), [operands, others], {
      runs,
    })
    if (operands.length === 1) return
    for (const [i, operand] of operands.entries()) {
      const alone = (x: Tensor, all: readonly Tensor[], rest: readonly Tensor[]): Tensor =>
        apply(all.with(i, x), rest)
      await checkJvp(alone, [operand, operands, others], { runs })
    }
  })
})

describe('choices at kinks', () => {
  const values = (x: Tensor): number[] => [...x.readSync()]
  const backend = createReferenceBackend()
  const f64 = (data: number[]): Tensor => tensor(data, { dtype: 'float64', backend })

  it('share the derivative of maximum equally at a tie, so relu has ½ at 0', () => {
    withDefaultBackend(backend, () => {
      expect(values(grad((x: Tensor) => relu(x).sum())(f64([-1, 0, 2])))).toEqual([0, 0.5, 1])
      const pair = grad(([a, b]: readonly Tensor[]) => maximum(a, b).sum())([f64([1, 3]), f64([1, 2])])
      expect(pair.map(values)).toEqual([
        [0.5, 1],
        [0.5, 0],
      ])
    })
  })

  it('share the derivative of a maximum over axes equally among equals', () => {
    withDefaultBackend(backend, () => {
      expect(values(grad((x: Tensor) => max(x))(f64([2, 1, 2, 2])))).toEqual([1 / 3, 0, 1 / 3, 1 / 3])
    })
  })

  it('give powers a finite derivative at base and exponent zero', () => {
    withDefaultBackend(backend, () => {
      expect(values(grad((x: Tensor) => x.power(0).sum())(f64([0, 2])))).toEqual([0, 0])
      expect(values(grad((x: Tensor) => x.power(2).sum())(f64([0, 3])))).toEqual([0, 6])
      const exponent = grad((y: Tensor) => f64([0]).power(y).sum())(f64([2]))
      expect(values(exponent)).toEqual([0])
    })
  })

  it('carry tangents through a change of precision, each side in its own dtype', () => {
    withDefaultBackend(backend, () => {
      const narrow = (x: Tensor): Tensor => convert(x, 'float32')
      const { tangent } = jvp(narrow)(f64([1]), f64([0.1]))
      expect([tangent.dtype, values(tangent)]).toEqual(['float32', [Math.fround(0.1)]])
      const { pullback } = vjp(narrow)(f64([1]))
      const pulled = pullback(tensor([0.5], { backend }))
      expect([pulled.dtype, values(pulled)]).toEqual(['float64', [0.5]])
    })
  })
})
