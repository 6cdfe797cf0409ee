/** What fuses with what, shown on the text of the kernels. */
import { describe, expect, it } from 'vitest'
import type { Dtype } from '../dtype.ts'
import { add, less, multiply, select } from '../operations/arithmetic.ts'
import { iota, zeros } from '../operations/creation.ts'
import { dot, dotGeneral } from '../operations/dot.ts'
import { convert, exp, tanh } from '../operations/elementary.ts'
import { broadcastTo, concatenate, gather, pad, scatterAdd } from '../operations/movement.ts'
import { argMax, logSumExp, max, softmax, sum } from '../operations/reduction.ts'
import { optimise } from '../passes/optimise.ts'
import type { TensorType } from '../program/program.ts'
import type { Tensor } from '../tensor.ts'
import { traceClosed } from '../trace.ts'
import { checkKernelProgram } from './checkKernelProgram.ts'
import { checkMemoryPlan } from './checkMemoryPlan.ts'
import type { KernelProgram } from './kernel.ts'
import { printKernel } from './kernelPrinter.ts'
import { lower } from './lower.ts'
import { planMemory } from './memoryPlan.ts'

const float = (...shape: number[]): TensorType => ({ shape, dtype: 'float32' })
const typed = (dtype: Dtype, ...shape: number[]): TensorType => ({ shape, dtype })

function lowered(types: readonly TensorType[], body: (inputs: readonly Tensor[]) => Tensor[]): KernelProgram {
  const kernels = checkKernelProgram(lower(optimise(traceClosed('test', types, body))))
  checkMemoryPlan(kernels, planMemory(kernels))
  return kernels
}

const kernelsOf = (types: readonly TensorType[], body: (inputs: readonly Tensor[]) => Tensor[]): string[] =>
  lowered(types, body).kernels.map(printKernel)

describe('products', () => {
  it('compute a layer tanh(x·W + b) as one kernel', () => {
    const kernels = kernelsOf([float(8, 5), float(5, 3), float(3)], ([x, w, b]) => [tanh(dot(x, w).add(b))])
    expect(kernels).toEqual(['dot [1,8,5]·[1,5,3]: #3 = tanh(add(#0 · #1, #2{0+0,0,1}))'])
  })

  it('store h and 1 − h² from one epilogue', () => {
    const kernels = kernelsOf([float(8, 5), float(5, 3)], ([x, w]) => {
      const h = tanh(dot(x, w))
      return [h, h.multiply(h).negate().add(1)]
    })
    expect(kernels).toEqual([
      'dot [1,8,5]·[1,5,3]: t1 = tanh(#0 · #1); #2 = t1; #3 = subtract(1, multiply(t1, t1))',
    ])
  })

  it('read slices of a flat vector and transposed operands without a copy', () => {
    const kernels = kernelsOf([float(8, 5), float(40)], ([x, flat]) => {
      const w = flat.slice([4], [19]).reshape([3, 5])
      return [dot(x, w.transpose()), dot(x.transpose(), x)]
    })
    expect(kernels).toEqual([
      'dot [1,8,5]·[1,5,3]: #2 = #0 · #1{4+0,1,5}',
      'dot [1,5,8]·[1,8,5]: #3 = #0{0+0,1,5} · #0',
    ])
  })

  it('add up products in one buffer', () => {
    const kernels = kernelsOf(
      [float(8, 5), float(5, 3), float(8, 4), float(4, 3), float(8, 3)],
      ([a, v, b, w, t]) => [add(dot(a, v), dot(b, w)).multiply(t)],
    )
    expect(kernels).toEqual([
      'dot [1,8,5]·[1,5,3]: #6 = #0 · #1',
      'dot [1,8,4]·[1,4,3]: #5 = multiply(#6 + #2 · #3, #4)',
    ])
  })

  it('copy an operand whose axes do not step as one, once', () => {
    const kernels = kernelsOf([float(2, 3, 4), float(8, 5), float(2, 4, 6)], ([a, b, c]) => [
      dot(a.transpose([1, 0, 2]).reshape([3, 8]), b),
      dotGeneral(a, c, { lhsContract: [0, 2], rhsContract: [0, 1] }),
    ])
    expect(kernels).toEqual([
      'map [3,2,4]: #5 = #0{0+4,12,1}',
      'dot [1,3,8]·[1,8,5]: #3 = #5 · #1',
      'dot [1,3,8]·[1,8,6]: #4 = #5 · #2',
    ])
  })

  it('keep a result in memory for a reader that needs it at another index too', () => {
    const kernels = kernelsOf([float(3, 4), float(4, 3)], ([a, b]) => {
      const z = dot(a, b)
      return [z.add(z.transpose())]
    })
    expect(kernels).toEqual(['dot [1,3,4]·[1,4,3]: #3 = #0 · #1', 'map [3,3]: #2 = add(#3, #3{0+1,3})'])
  })

  it('have a first store with unit stride along columns even where only the transposed result is kept', () => {
    const { kernels } = lowered([float(4, 5), float(5, 3)], ([a, b]) => [
      dot(a, b).transpose().multiply(2),
      dot(a, b).sum(),
    ])
    const product = kernels.find(({ kind }) => kind === 'dot')
    expect(product && 'stores' in product && product.stores[0].view.strides).toEqual([0, 3, 1])
  })

  it('of nothing are zero, or what they are added to', () => {
    const kernels = kernelsOf([float(2, 0), float(0, 3), float(2, 3)], ([a, b, c]) => [
      dot(a, b),
      dotGeneral(a, b, { lhsContract: [1], rhsContract: [0] }, c.multiply(2)),
    ])
    expect(kernels).toEqual(['map [6]: #3 = 0', 'map [6]: #4 = multiply(#2, 2)'])
  })
})

describe('element-wise chains', () => {
  it('are one map over one merged axis whatever the rank', () => {
    const kernels = kernelsOf([float(2, 3, 4), float(2, 3, 4)], ([x, y]) => [tanh(x.multiply(y)).add(x)])
    expect(kernels).toEqual(['map [24]: #2 = add(tanh(multiply(#0, #1)), #0)'])
  })

  it('with shared reads have several stores', () => {
    const kernels = kernelsOf([float(6), float(6), float(6), float()], ([x, r, p, alpha]) => [
      x.add(p.multiply(alpha)),
      r.subtract(p.multiply(alpha)),
    ])
    expect(kernels).toEqual(['map [6]: t3 = multiply(#2, #3{0+0}); #4 = add(#0, t3); #5 = subtract(#1, t3)'])
  })

  it('do not repeat a transcendental function that several kernels need', () => {
    const kernels = kernelsOf([float(4, 6), float(4)], ([x, y]) => {
      const e = exp(x)
      return [sum(e), e.multiply(y.reshape([4, 1])).sum(0)]
    })
    expect(kernels.filter((kernel) => kernel.includes('exp'))).toHaveLength(1)
  })

  it('compute once what a broadcast would repeat', () => {
    const kernels = kernelsOf([float(3), float(5, 3)], ([b, x]) => [x.add(exp(b))])
    expect(kernels).toEqual(['map [3]: #3 = exp(#0)', 'map [5,3]: #2 = add(#1, #3{0+0,1})'])
  })

  it('bind at most eight buffers a kernel', () => {
    const types = Array.from({ length: 20 }, () => float(4))
    const { kernels } = lowered(types, (inputs) => [inputs.reduce((a, b) => tanh(a.add(b)))])
    for (const kernel of kernels) {
      if (kernel.kind !== 'map') throw new Error(`a ${kernel.kind} kernel`)
      const reads = new Set(kernel.nodes.flatMap((node) => (node.kind === 'load' ? [node.buffer] : [])))
      expect(reads.size + kernel.stores.length).toBeLessThanOrEqual(8)
    }
    expect(kernels).toHaveLength(4)
  })

  it('run over transposed and broadcast reads in the order of the store', () => {
    const kernels = kernelsOf([float(3, 4), float(4, 3)], ([x, y]) => [
      select(less(x, y.transpose()), x, iota([3, 4], 1)),
    ])
    expect(kernels).toEqual(['map [3,4]: #2 = select(less(#0, #1{0+1,3}), #0, index{0+0,1})'])
  })
})

describe('reductions', () => {
  it('take element-wise prologues and epilogues', () => {
    const kernels = kernelsOf([float(4, 6), float(4, 6), float(4)], ([x, y, z]) => [
      sum(x.multiply(y), 1).multiply(0.5).add(z),
    ])
    expect(kernels).toEqual(['reduce [4] over [6]: #3 = add(multiply(sum(multiply(#0, #1)), 0.5), #2)'])
  })

  it('over all axes of dense arrays run over one axis, an inner product too', () => {
    const kernels = kernelsOf([float(4, 6), float(4, 6)], ([x, y]) => [
      sum(x.multiply(x)),
      dotGeneral(x, y, { lhsContract: [0, 1], rhsContract: [0, 1] }),
    ])
    expect(kernels).toEqual([
      'reduce [] over [24]: #2 = sum(multiply(#0, #0))',
      'reduce [] over [24]: #3 = sum(multiply(#0, #1))',
    ])
  })

  it('compute softmax in four passes with one exponential', () => {
    expect(kernelsOf([float(8, 10)], ([x]) => [softmax(x)])).toEqual([
      'reduce [8] over [10]: #2 = max(#0)',
      'map [8,10]: #3 = exp(subtract(#0, #2{0+1,0}))',
      'reduce [8] over [10]: #4 = sum(#3)',
      'map [8,10]: #1 = divide(#3, #4{0+1,0})',
    ])
  })

  it('fuse logSumExp into two kernels', () => {
    expect(kernelsOf([float(8, 10)], ([x]) => [logSumExp(x, 1)])).toEqual([
      'reduce [8] over [10]: #2 = max(#0)',
      'reduce [8] over [10]: #1 = add(log(sum(exp(subtract(#0, #2{0+1,0})))), #2)',
    ])
  })

  it('of nothing are the identity of the reduction', () => {
    const kernels = kernelsOf([float(2, 0), typed('int32', 2, 0)], ([x, k]) => [
      sum(x, 1),
      max(x, 1),
      max(k, 1),
    ])
    expect(kernels).toEqual(['map [2]: #2 = 0', 'map [2]: #3 = -Infinity', 'map [2]: #4 = -2147483648'])
  })

  it('find the position of the largest', () => {
    expect(kernelsOf([float(3, 4)], ([x]) => [argMax(x, 0)])).toEqual([
      'reduce [4] over [3]: #1 = argMax(#0{0+1,4})',
    ])
  })
})

describe('movement', () => {
  it('stores the gradients of all layers straight into one flat vector', () => {
    const kernels = kernelsOf([float(8, 5), float(8, 3), float(8, 2)], ([x, d, e]) => [
      concatenate([
        dot(x.transpose(), d).reshape([15]),
        sum(d, 0),
        dot(d.transpose(), e).reshape([6]),
        sum(e, 0),
      ]),
    ])
    expect(kernels).toEqual([
      'dot [1,5,8]·[1,8,3]: #3 = #0{0+0,1,5} · #1',
      'reduce [3] over [8]: #3{15+1} = sum(#1{0+1,3})',
      'dot [1,3,8]·[1,8,2]: #3{18+0,2,1} = #1{0+0,1,3} · #2',
      'reduce [2] over [8]: #3{24+1} = sum(#2{0+1,2})',
    ])
  })

  it('stores a part twice rather than copy it when something else reads it', () => {
    const kernels = kernelsOf([float(4, 3), float(3, 3)], ([x, w]) => {
      const h = dot(x, w)
      return [concatenate([h, x]), dot(h, w)]
    })
    expect(kernels[0]).toBe('dot [1,4,3]·[1,3,3]: #4 = #0 · #1; #2 = #0 · #1')
  })

  it('pads with zeros and stores between them', () => {
    expect(kernelsOf([float(2, 2)], ([x]) => [pad(x.multiply(2), [1, 0], [0, 1], [1, 0])])).toEqual([
      'map [12]: #1 = 0',
      'map [2,2]: #1{3+6,1} = multiply(#0, 2)',
    ])
  })

  it('costs nothing between kernels', () => {
    const kernels = kernelsOf([float(6, 4)], ([x]) => [
      broadcastTo(x.transpose().reshape([2, 2, 6]).slice([0, 1], [2, 2], [1, 1]), [3, 2, 1, 6]).sum(),
    ])
    expect(kernels).toHaveLength(1)
  })

  it('gathers and scatters dense blocks', () => {
    const kernels = kernelsOf([float(5, 3), typed('int32', 2), float(2, 3)], ([x, k, u]) => [
      gather(x, k).multiply(2),
      scatterAdd(x.transpose().transpose(), k, u),
    ])
    expect(kernels).toEqual([
      'gather [1,5,3] → 2: #5 = #0[#1]',
      'map [6]: #3 = multiply(#5, 2)',
      'scatterAdd [1,5,3] ← 2: #4 = #0 + #2 at #1',
    ])
  })
})

describe('outputs', () => {
  it('are copies where they repeat or are inputs', () => {
    const { buffers, inputs, outputs, kernels } = lowered([float(3)], ([x]) => {
      const y = x.multiply(2)
      return [x, y, y, x]
    })
    expect(new Set([...inputs, ...outputs]).size).toBe(5)
    expect(buffers).toHaveLength(5)
    expect(kernels.map(printKernel)).toEqual([
      'map [3]: t2 = multiply(#0, 2); #2 = t2; #1 = #0; #3 = t2; #4 = #0',
    ])
  })

  it('without elements need no kernel', () => {
    const { outputs, buffers, kernels } = lowered([float(0, 3)], ([x]) => [
      tanh(x),
      convert(x, 'int32'),
      zeros([0]),
    ])
    expect(kernels).toEqual([])
    expect(outputs.map((buffer) => buffers[buffer].elements)).toEqual([0, 0, 0])
  })

  it('that are constants are filled, rounded to their dtype', () => {
    const [kernel] = kernelsOf([], () => [multiply(zeros([2, 2]).add(0.1), 1)])
    expect(kernel).toBe(`map [4]: #0 = ${Math.fround(0.1)}`)
  })
})
