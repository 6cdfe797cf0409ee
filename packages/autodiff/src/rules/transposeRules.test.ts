// Oracle: the adjoint identity ⟨u, Jv⟩ = ⟨Jᵀu, v⟩ to 1e-12 relative in float64 for every primitive; forward mode has its
// own oracle. Second derivatives of every primitive against central differences of the gradient.
import type { Tensor } from '@hessian-free/tensor'
import { ProgramBuilder, convert, isFloat } from '@hessian-free/tensor'
import type { PrimitiveName, PrimitiveParameters, TensorType } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { transposeProgram } from '../transposeProgram.ts'
import { checkHessianVectorProduct, checkVjp } from '../testing/index.ts'
import { primitiveCases } from './primitiveCases.ts'

const runs = 4

describe.each(Object.entries(primitiveCases))('reverse mode of %s', (_, cases) => {
  it.each(cases)('satisfies the adjoint identity: $title', async ({ operands, others, apply }) => {
    await checkVjp((x: readonly Tensor[], rest: readonly Tensor[]) => apply(x, rest), [operands, others], {
      runs,
    })
    if (operands.length === 1) return
    for (const [i, operand] of operands.entries()) {
      const alone = (x: Tensor, all: readonly Tensor[], rest: readonly Tensor[]): Tensor =>
        apply(all.with(i, x), rest)
      await checkVjp(alone, [operand, operands, others], { runs })
    }
  })

  it.each(cases)('is differentiable again: $title', async ({ operands, others, apply }) => {
    const energy = (x: readonly Tensor[], rest: readonly Tensor[]): Tensor => {
      const y = apply(x, rest)
      return (isFloat(y.dtype) ? y : convert(y, 'float64')).square().sum().add(x[0].power(3).sum())
    }
    await checkHessianVectorProduct(energy, [operands, others], { runs: 2 })
  })
})

const vector: TensorType = { shape: [2], dtype: 'float64' }

/** A program of two inputs that applies one primitive to them. */
function programOf<P extends PrimitiveName>(primitive: P, parameters: PrimitiveParameters[P], arity: number) {
  const builder = new ProgramBuilder('suspect')
  const inputs = [builder.input(vector), builder.input(vector)]
  return builder.finish(builder.emit(primitive, inputs.slice(0, arity), parameters))
}

describe('transposition of a program that is not linear', () => {
  it.each(['tanh', 'exp', 'abs', 'floor'] as const)('names %s', (primitive) => {
    expect(() => transposeProgram(programOf(primitive, {}, 1), [true, false])).toThrow(
      new RegExp(`linear.*${primitive} of a linear operand`),
    )
  })

  it('names products and quotients of linear operands', () => {
    expect(() => transposeProgram(programOf('multiply', {}, 2), [true, true])).toThrow(/linear.*multiply/)
    expect(() => transposeProgram(programOf('divide', {}, 2), [false, true])).toThrow(/linear.*divide/)
    const inner = { lhsBatch: [], rhsBatch: [], lhsContract: [0], rhsContract: [0] }
    expect(() => transposeProgram(programOf('dot', inner, 2), [true, true])).toThrow(/linear.*dot/)
  })

  it.each(['add', 'subtract'] as const)('names %s with a constant, which is affine', (primitive) => {
    expect(() => transposeProgram(programOf(primitive, {}, 2), [true, false])).toThrow(
      new RegExp(`linear.*${primitive}`),
    )
  })

  it('names an output that does not depend on a linear input at all', () => {
    expect(() => transposeProgram(programOf('negate', {}, 1), [false, true])).toThrow(/linear.*output 0/)
  })
})
