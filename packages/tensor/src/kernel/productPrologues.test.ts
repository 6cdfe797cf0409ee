/** When a product takes an element-wise expression as a prologue, shown on the text of the kernels, and when not. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { typedArrayFrom } from '../dtype.ts'
import { add, divide, less, multiply, select } from '../operations/arithmetic.ts'
import { dot, dotGeneral } from '../operations/dot.ts'
import { convert, exp, tanh } from '../operations/elementary.ts'
import { broadcastTo, concatenate, gather, pad } from '../operations/movement.ts'
import { softmax, sum } from '../operations/reduction.ts'
import { optimise } from '../passes/optimise.ts'
import type { TensorType } from '../program/program.ts'
import { evaluateProgram } from '../reference/evaluationRules.ts'
import { interpretKernels } from '../reference/kernelInterpreter.ts'
import { sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { traceClosed } from '../trace.ts'
import { checkKernelProgram } from './checkKernelProgram.ts'
import { checkMemoryPlan } from './checkMemoryPlan.ts'
import type { KernelProgram } from './kernel.ts'
import { storedOperand } from './kernelAccess.ts'
import { printKernel } from './kernelPrinter.ts'
import { lower } from './lower.ts'
import { planMemory } from './memoryPlan.ts'

const float = (...shape: number[]): TensorType => ({ shape, dtype: 'float32' })
type Body = (inputs: readonly Tensor[]) => Tensor[]

function lowered(types: readonly TensorType[], body: Body): KernelProgram {
  const program = optimise(traceClosed('test', types, body))
  const kernels = checkKernelProgram(lower(program, { productPrologues: true }))
  checkMemoryPlan(kernels, planMemory(kernels))
  return kernels
}

const kernelsOf = (types: readonly TensorType[], body: Body): string[] =>
  lowered(types, body).kernels.map(printKernel)

/** Positions of the products' operands that are prologues. */
const prologuesOf = ({ kernels }: KernelProgram): string[] =>
  kernels.flatMap((kernel, position) =>
    kernel.kind === 'dot'
      ? (['lhs', 'rhs'] as const).flatMap((side) =>
          kernel[side].kind === 'prologue' ? [`${position} ${side}`] : [],
        )
      : [],
  )

describe('a product computes while it packs', () => {
  it('an expression that only its left or right operand reads', () => {
    expect(
      kernelsOf([float(8, 5), float(8, 5), float(5, 3)], ([x, y, w]) => [dot(x.multiply(y), w)]),
    ).toEqual(['dot [1,8,5]·[1,5,3]: #3 = multiply(#0, #1) · #2'])
    expect(kernelsOf([float(8, 5), float(5, 3)], ([x, w]) => [dot(x, tanh(w))])).toEqual([
      'dot [1,8,5]·[1,5,3]: #2 = #0 · tanh(#1)',
    ])
  })

  it('both operands, with shared terms named', () => {
    expect(
      kernelsOf([float(8, 5), float(5, 3)], ([x, w]) => {
        const [h, v] = [tanh(x), exp(w)]
        return [dot(h.multiply(h), v.add(v.multiply(w)))]
      }),
    ).toEqual([
      'dot [1,8,5]·[1,5,3]: l1 = tanh(#0); r1 = exp(#1); #2 = multiply(l1, l1) · add(r1, multiply(r1, #1))',
    ])
  })

  it('what is read through a transpose, with a bias broadcast inside', () => {
    expect(
      kernelsOf([float(8, 5), float(5), float(8, 3)], ([x, b, y]) => [dot(x.add(b).transpose(), y)]),
    ).toEqual(['dot [1,5,8]·[1,8,3]: #3 = add(#0{0+0,1,5}, #1{0+0,1,0}) · #2'])
  })

  it('what is read through a slice, reshaped and by batches', () => {
    expect(
      kernelsOf([float(30), float(4, 3)], ([flat, x]) => [
        dot(x, flat.multiply(2).slice([6], [21]).reshape([5, 3]).transpose()),
      ]),
    ).toEqual(['dot [1,4,3]·[1,3,5]: #2 = #1 · multiply(#0{6+0,1,3}, 2)'])
    expect(
      kernelsOf([float(4, 2, 3), float(2, 3, 5)], ([x, w]) => [
        dotGeneral(exp(x), w, { lhsBatch: [1], rhsBatch: [0], lhsContract: [2], rhsContract: [1] }),
      ]),
    ).toEqual(['dot [2,4,3]·[2,3,5]: #2 = exp(#0{0+3,6,1}) · #1'])
  })

  it('axes of an expression that step as one, and those that do not are stored', () => {
    const axes = { lhsContract: [1, 2], rhsContract: [0, 1] }
    const types = [float(8, 2, 3), float(2, 3, 5)]
    expect(kernelsOf(types, ([x, w]) => [dotGeneral(tanh(x), w, axes)])).toEqual([
      'dot [1,8,6]·[1,6,5]: #2 = tanh(#0) · #1',
    ])
    expect(
      kernelsOf([...types, float(2)], ([x, w, b]) => [dotGeneral(x.multiply(b.reshape([2, 1])), w, axes)]),
    ).toEqual(['map [8,2,3]: #4 = multiply(#0, #2{0+0,1,0})', 'dot [1,8,6]·[1,6,5]: #3 = #4 · #1'])
  })

  it('a mask of another dtype, converted', () => {
    expect(
      kernelsOf([{ shape: [8, 5], dtype: 'int32' }, float(5, 3)], ([k, w]) => [
        dot(convert(k, 'float32'), w),
      ]),
    ).toEqual(['dot [1,8,5]·[1,5,3]: #2 = convert float32(#0) · #1'])
  })

  it('the last pass of a softmax, and reads the others', () => {
    expect(kernelsOf([float(8, 10), float(10, 3)], ([x, w]) => [dot(softmax(x), w)]).slice(2)).toEqual([
      'reduce [8] over [10]: #5 = sum(#4)',
      'dot [1,8,10]·[1,10,3]: #2 = divide(#4, #5{0+0,1,0}) · #1',
    ])
  })

  it('what depends on a result that is stored for something else anyway', () => {
    expect(
      kernelsOf([float(8, 5), float(5, 4), float(4, 3)], ([x, w, v]) => {
        const h = tanh(dot(x, w))
        return [h, dot(h.multiply(h), v)]
      }),
    ).toEqual(['dot [1,8,5]·[1,5,4]: #3 = tanh(#0 · #1)', 'dot [1,8,4]·[1,4,3]: #4 = multiply(#3, #3) · #2'])
  })

  it('an expression although a map over the same arrays stores another one', () => {
    expect(
      kernelsOf([float(8, 5), float(8, 5), float(5, 3)], ([x, y, w]) => [x.add(y), dot(x.multiply(y), w)]),
    ).toEqual(['map [40]: #3 = add(#0, #1)', 'dot [1,8,5]·[1,5,3]: #4 = multiply(#0, #1) · #2'])
  })

  it('cheap work again where rows repeat, and a matrix of a batch once', () => {
    const axes = { lhsBatch: [0], rhsBatch: [0], lhsContract: [2], rhsContract: [1] }
    const types = [float(4, 8, 5), float(5, 3)]
    const shared = (w: Tensor): Tensor => broadcastTo(w, [4, 5, 3])
    expect(prologuesOf(lowered(types, ([x, w]) => [dotGeneral(x, shared(tanh(w)), axes)]))).toEqual(['0 rhs'])
    const wide = [float(5), float(4, 5, 3)]
    const rows = (x: Tensor): Tensor => broadcastTo(x.reshape([1, 1, 5]), [4, 2, 5])
    expect(
      prologuesOf(lowered(wide, ([x, w]) => [add(dotGeneral(rows(x.multiply(2)), w, axes), 1)])),
    ).toEqual(['0 lhs'])
    expect(prologuesOf(lowered(wide, ([x, w]) => [add(dotGeneral(rows(exp(x)), w, axes), 1)]))).toEqual([])
  })
})

describe('a product reads from memory', () => {
  it('what both of its operands or two products read', () => {
    expect(
      kernelsOf([float(8, 5)], ([x]) => {
        const y = tanh(x)
        return [dot(y, y.transpose())]
      }),
    ).toEqual(['map [40]: #2 = tanh(#0)', 'dot [1,8,5]·[1,5,8]: #1 = #2 · #2{0+0,1,5}'])
    const twice = lowered([float(8, 5), float(5, 3), float(8, 2)], ([x, w, z]) => {
      const y = tanh(x)
      return [dot(y, w), dot(y.transpose(), z)]
    })
    expect(prologuesOf(twice)).toEqual([])
  })

  it('what something else reads: a reduction, an epilogue, an accumulator, an output, a gather', () => {
    const types = [float(4, 4), float(4, 4)]
    const readers: ((y: Tensor, product: Tensor) => Tensor)[] = [
      (y) => sum(y, 0),
      (y, product) => product.multiply(y),
      (y, product) => product.add(y),
      (y) => y,
      (y) => gather(y, convert(sum(y, 1), 'int32')),
      (y) => concatenate([y, y]),
    ]
    for (const reader of readers) {
      const kernels = lowered(types, ([x, w]) => {
        const y = exp(x)
        const product = dot(y, w)
        return [product, reader(y, product)]
      })
      expect(prologuesOf(kernels)).toEqual([])
    }
  })

  it('what an epilogue can compute while its values are in registers', () => {
    expect(
      kernelsOf([float(8, 5), float(5, 4), float(4, 3)], ([x, w, v]) => [dot(tanh(dot(x, w)), v)]),
    ).toEqual(['dot [1,8,5]·[1,5,4]: #4 = tanh(#0 · #1)', 'dot [1,8,4]·[1,4,3]: #3 = #4 · #2'])
  })

  it('what would repeat a function that its kernel computes for another store too', () => {
    const kernels = lowered([float(8, 5), float(5, 3)], ([x, w]) => {
      const e = exp(x)
      return [e.multiply(2), dot(divide(e, 3), w)]
    })
    expect(kernels.kernels.map(printKernel).filter((text) => text.includes('exp('))).toHaveLength(1)
    expect(prologuesOf(kernels)).toEqual([])
  })

  it('what its kernel computes on the way to other stores too', () => {
    const kernels = lowered([float(8, 5), float(5, 3)], ([x, w]) => {
      const h = tanh(x)
      const e = exp(h)
      return [e.add(1), e.multiply(3), dot(h, w)]
    })
    expect(prologuesOf(kernels)).toEqual([])
    expect(kernels.kernels).toHaveLength(2)
  })

  it('what takes the place of the sums of the product before it', () => {
    const types = [float(8, 5), float(5, 4), float(8, 4), float(4, 3)]
    const kernels = kernelsOf(types, ([x, w, a, v]) => {
      const mask = less(dot(x, w), 1)
      return [mask, dot(select(mask, a, 2), v)]
    })
    expect(kernels).toEqual([
      'dot [1,8,5]·[1,5,4]: t2 = less(#0 · #1, 1); #6 = select(t2, #2, 2); #4 = t2',
      'dot [1,8,4]·[1,4,3]: #5 = #6 · #3',
    ])
  })

  it('what an indexed read gathers', () => {
    const kernels = kernelsOf([float(5, 1), { shape: [1], dtype: 'int32' }, float(1, 3)], ([x, k, w]) => [
      dot(gather(x, k), w),
    ])
    expect(kernels).toEqual(['gather [1,5,1] → 1: #4 = #0[#1]', 'dot [1,1,1]·[1,1,3]: #3 = #4 · #2'])
  })

  it('arrays that several stores make up', () => {
    const parts = lowered([float(2, 5), float(2, 5), float(5, 3)], ([x, y, w]) => [
      dot(concatenate([exp(x), y]), w),
      dot(pad(tanh(x), [1, 0], [0, 0], [0, 0]), w),
    ])
    expect(prologuesOf(parts)).toEqual([])
  })

  it('everything unless the backend asks for prologues', () => {
    const program = optimise(
      traceClosed('test', [float(8, 5), float(5, 3)], ([x, w]) => [dot(tanh(x), exp(w))]),
    )
    expect(prologuesOf(lower(program))).toEqual([])
    const [kernel] = lower(program, { productPrologues: true }).kernels
    if (kernel.kind !== 'dot') throw new Error(`a ${kernel.kind} kernel`)
    expect(() => storedOperand(kernel.lhs)).toThrow(/the operand must be stored; found a prologue/)
  })
})

describe('memory plans', () => {
  it('keep what a prologue reads until the product is done', () => {
    // e is read by the prologue of the product that writes p: their lives overlap, though shapes agree.
    const kernels = lowered([float(4, 4), float(4, 4)], ([x, w]) => {
      const s = sum(x, 1, { keepAxes: true })
      const e = exp(x.subtract(s))
      const p = dot(multiply(e, sum(e)), w)
      return [tanh(p.transpose()).add(p)]
    })
    const position = kernels.kernels.findIndex(({ kind }) => kind === 'dot')
    const product = kernels.kernels[position]
    if (product.kind !== 'dot' || product.lhs.kind !== 'prologue') throw new Error('no prologue')
    const plan = planMemory(kernels)
    const read = product.lhs.nodes.flatMap((node) => (node.kind === 'load' ? [node.buffer] : []))
    const scratch = read.filter((buffer) => kernels.buffers[buffer].role === 'scratch')
    expect(scratch).toHaveLength(2)
    for (const buffer of scratch) {
      expect(plan.poolOf[buffer]).not.toBe(plan.poolOf[product.stores[0].buffer])
    }
  })

  it('do not let a product write over a donated input that its prologue reads', () => {
    const kernels = lowered([float(4, 4), float(4, 4)], ([x, w]) => [dot(tanh(x), w)])
    expect(planMemory(kernels, [0]).donorOf).toEqual([-1])
  })
})

describe('random prologues', () => {
  /** An operand [3, 4] or [4, 3] as an expression of x [3, 4], y [4, 3] and b [4] behind random movement. */
  function operand([x, y, b]: readonly Tensor[], choices: readonly number[], transposed: boolean): Tensor {
    const [a, c, d, e] = choices
    const terms = [x, y.transpose(), broadcastTo(b, [3, 4]), x.multiply(y.transpose())]
    const wide = concatenate([x, x]).slice([c % 3, 0], [(c % 3) + 3, 4])
    const mixed = [tanh(terms[a % 4]), terms[a % 4].multiply(terms[c % 4]), wide.add(terms[d % 4])][d % 3]
    const sums = e % 2 === 0 ? mixed : mixed.divide(sum(exp(mixed), 1, { keepAxes: true }))
    const moves = [
      (t: Tensor) => t,
      (t: Tensor) => t.transpose(),
      (t: Tensor) => t.reshape([2, 6]).multiply(2).reshape([3, 4]),
      (t: Tensor) => t.reshape([12]).slice([0], [12]).reshape([4, 3]).negate().transpose(),
      (t: Tensor) =>
        broadcastTo(t.reshape([3, 2, 2, 1]), [3, 2, 2, 3])
          .transpose([3, 0, 1, 2])
          .slice([1], [2])
          .reshape([3, 4]),
    ]
    const moved = moves[(a + c + d) % 5](sums)
    const upright = moved.shape[0] === 3
    return upright === transposed ? moved.transpose() : moved
  }

  it('mean the same as the operation by operation evaluation', () => {
    const types: TensorType[] = [
      { shape: [3, 4], dtype: 'float64' },
      { shape: [4, 3], dtype: 'float64' },
      { shape: [4], dtype: 'float64' },
    ]
    const inputs = types.map(({ shape, dtype }, i) => ({
      shape,
      dtype,
      data: typedArrayFrom(
        dtype,
        Array.from({ length: sizeOf(shape) }, (_, j) => Math.sin(7 * i + 3 * j + 1)),
      ),
    }))
    let prologues = 0
    const numbers = fc.array(fc.nat(59), { minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(numbers, numbers, fc.boolean(), fc.boolean(), (left, right, wide, shared) => {
        const program = traceClosed('test', types, (tensors) => {
          const lhs = operand(tensors, left, !wide)
          const product = dot(lhs, operand(tensors, right, wide))
          return [shared ? product.add(lhs.multiply(product.sum()).sum()) : product]
        })
        for (const ready of [program, optimise(program)]) {
          const kernels = checkKernelProgram(lower(ready, { productPrologues: true }))
          const plan = checkMemoryPlan(kernels, planMemory(kernels))
          prologues += prologuesOf(kernels).length
          const [got] = interpretKernels(
            kernels,
            plan,
            inputs.map(({ data }) => data),
          )
          const [want] = evaluateProgram(program, inputs)
          want.data.forEach((value, i) => {
            expect(got[i]).toBeCloseTo(value, 9)
          })
        }
      }),
      { numRuns: 400 },
    )
    expect(prologues).toBeGreaterThan(400)
  })
})
