// Oracle: the leaves themselves, copied one after another into an array with gaps counted by hand.
import { grad } from '@hessian-free/autodiff'
import {
  ArgumentError,
  DtypeError,
  ShapeError,
  createReferenceBackend,
  createWasmBackend,
  flattenTree,
  hostArray,
  jit,
  tensor,
} from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { flattenParameters, parameterLayout, unflattenParameters } from './parameterLayout.ts'
import { createParameterState } from './parameterState.ts'
import { uniformArray } from './testing/smallProblem.ts'

const backend = createReferenceBackend()

type Tree = Tensor | readonly Tree[] | { readonly [key: string]: Tree }
const shapeOf = fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 3 })
const aLeaf = fc
  .tuple(
    fc.oneof(shapeOf, fc.constantFrom([64], [63], [65], [8, 16], [128])),
    fc.integer({ min: 1, max: 1e6 }),
  )
  .map(([shape, seed]): Tree => tensor(uniformArray(seed, shape), { backend }))
const { tree: anyTree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    aLeaf,
    fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
    fc.dictionary(fc.constantFrom('w', 'b', 'inner', 'code'), tie('tree'), { minKeys: 1, maxKeys: 3 }),
  ),
}))

/** The vector the comment of the file promises, by hand. */
function byHand(leaves: readonly Tensor[]): number[] {
  return leaves.flatMap((leaf) => {
    const values: number[] = [...leaf.readSync()]
    return [...values, ...new Array<number>((64 - (values.length % 64)) % 64).fill(0)]
  })
}

describe('the flat vector of a random tree', () => {
  it('holds every leaf at a multiple of 64, zeros between, and gives the tree back, eager and compiled', () => {
    fc.assert(
      fc.property(anyTree, (tree) => {
        const layout = parameterLayout(tree)
        const { leaves, structure } = flattenTree(tree)
        const wanted = byHand(leaves)
        const flat = flattenParameters(layout, tree)
        expect([...flat.readSync()]).toEqual(wanted)
        expect(layout.size).toBe(wanted.length)
        expect(layout.parameterCount).toBe(leaves.reduce((sum, { size }) => sum + size, 0))
        expect(layout.segments.every(({ offset }) => offset % 64 === 0)).toBe(true)
        const compiled = jit((vector: Tensor) =>
          flattenParameters(layout, unflattenParameters(layout, vector)),
        )
        expect([...compiled(flat).readSync()]).toEqual(wanted)
        const back = flattenTree(unflattenParameters(layout, flat))
        expect(back.structure.key).toBe(structure.key)
        back.leaves.forEach((leaf, i) => {
          expect(leaf.shape).toEqual(leaves[i].shape)
          expect([...leaf.readSync()]).toEqual([...leaves[i].readSync()])
        })
      }),
      { numRuns: 40 },
    )
  })

  it('has a gradient whose gaps are zero even where the vector has none there', () => {
    fc.assert(
      fc.property(anyTree, (tree) => {
        const layout = parameterLayout(tree)
        const dirty = tensor(hostArray(new Float64Array(layout.size).fill(3), [layout.size]), { backend })
        const slope = grad((vector: Tensor) =>
          flattenTree(unflattenParameters(layout, vector))
            .leaves.map((leaf) => leaf.square().sum())
            .reduce((a, b) => a.add(b)),
        )(dirty)
        const used = new Set(
          layout.segments.flatMap(({ offset, size }) => Array.from({ length: size }, (_, i) => offset + i)),
        )
        slope.readSync().forEach((value: number, i: number) => expect(value).toBe(used.has(i) ? 6 : 0))
      }),
      { numRuns: 15 },
    )
  })
})

describe('parameters are refused', () => {
  const float = (seed: number, shape: readonly number[]): Tensor =>
    tensor(uniformArray(seed, shape), { backend })

  it('in an empty tree', () => {
    expect(() => parameterLayout({})).toThrow(ArgumentError)
    expect(() => parameterLayout([[], {}])).toThrow(/at least one tensor/)
  })

  it('of integers or of two float dtypes, naming them', () => {
    const whole = tensor(hostArray(new Int32Array(2), [2]), { backend })
    expect(() => parameterLayout([whole])).toThrow(DtypeError)
    const single = tensor(hostArray(new Float32Array(2), [2]), { backend })
    expect(() => parameterLayout([float(1, [3]), single])).toThrow(/float64\[3\] and float32\[2\]/)
  })

  it('with other leaves than the layout has', () => {
    const layout = parameterLayout([float(1, [2, 3]), float(2, [4])])
    for (const other of [
      [float(1, [2, 3])],
      [float(1, [3, 2]), float(2, [4])],
      [float(1, [2, 3]), float(2, [4]), float(3, [1])],
    ]) {
      expect(() => flattenParameters(layout, other)).toThrow(ShapeError)
      expect(() => flattenParameters(layout, other)).toThrow(/\[2,3\], \[4\]/)
    }
  })
})

describe('the state of the parameters', () => {
  it('copies the initial tree, hands out copies, and frees its own', async () => {
    const wasm = createWasmBackend()
    const initial = {
      w: tensor(uniformArray(1, [5, 3], 'float32'), { backend: wasm }),
      b: tensor([1, 2], { backend: wasm }),
    }
    const before = wasm.memory().liveBuffers
    const state = createParameterState(initial)
    const first = state.parameters()
    expect([...first.w.readSync()]).toEqual([...initial.w.readSync()])
    const doubled = state.vector.add(state.vector)
    state.replace(doubled)
    expect([...initial.b.readSync()]).toEqual([1, 2])
    expect([...first.b.readSync()]).toEqual([1, 2])
    const [w, b] = await state.snapshot()
    expect([...b.data]).toEqual([2, 4])
    expect(w.shape).toEqual([5, 3])
    first.w.dispose()
    first.b.dispose()
    state.dispose()
    expect(wasm.memory().liveBuffers).toBe(before)
    expect(initial.w.isDisposed).toBe(false)
  })
})
