// Oracles: the promises of the interface, counted by the backend's own statistics.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import {
  ArgumentError,
  BackendError,
  LifetimeError,
  ShapeError,
  createReferenceBackend,
  createWasmBackend,
  disposeTree,
  flattenTree,
  jit,
  mapTree,
  scope,
  tanh,
  tensor,
  traceClosed,
  unflattenTree,
  warnOfLeaks,
} from './index.ts'
import type { Tensor } from './index.ts'

const backends = [createReferenceBackend(), createReferenceBackend({ optimise: true }), createWasmBackend()]

describe.each(backends.map((backend) => ({ name: backend.name, backend })))(
  'tensors on $name',
  ({ backend }) => {
    const of = (values: readonly number[]): Tensor => tensor([...values], { backend })
    const live = (): number => backend.memory().liveBuffers

    it('may not be used after they were disposed of, and a second dispose does nothing', () => {
      const x = of([1, 2])
      x.dispose()
      x.dispose()
      expect(x.isDisposed).toBe(true)
      expect(() => x.readSync()).toThrow(LifetimeError)
      expect(() => x.add(1)).toThrow(/disposed of/)
      expect(live()).toBe(0)
    })

    it('are freed by using', () => {
      {
        using x = of([1])
        expect(x.itemSync()).toBe(1)
        expect(live()).toBe(1)
      }
      expect(live()).toBe(0)
    })

    it('take numbers in their own dtype, leaving nothing behind', () => {
      const x = tensor(Int32Array.of(1, 2), { backend })
      const y = x.multiply(3)
      expect([y.dtype, ...y.readSync()]).toEqual(['int32', 3, 6])
      disposeTree([x, y])
      expect(live()).toBe(0)
    })

    it('broadcast by the rule of NumPy, or say which shapes do not fit', () => {
      scope(() => {
        expect([
          ...of([1, 2])
            .reshape([2, 1])
            .add(of([10, 20, 30]))
            .readSync(),
        ]).toEqual([11, 21, 31, 12, 22, 32])
        expect(() => of([1, 2]).add(of([1, 2, 3]))).toThrow(ShapeError)
        expect(() => of([1, 2]).add(of([1, 2, 3]))).toThrow(/add.*\[2\] and \[3\].*Reshape/)
      })
      expect(live()).toBe(0)
    })

    it('give one number only if there is one', async () => {
      using pair = of([1, 2])
      expect(() => pair.itemSync()).toThrow(ShapeError)
      await expect(pair.item()).rejects.toThrow(/exactly one element/)
    })

    it('scopes free what they do not return, nested and when they throw', () => {
      const kept = scope(() => {
        const inner = scope(() => ({ sum: of([1, 2]).add(1), note: 'kept' }))
        of([5]).add(of([6]))
        return inner.sum.multiply(2)
      })
      expect([...kept.readSync()]).toEqual([4, 6])
      expect(live()).toBe(1)
      kept.dispose()
      expect(() =>
        scope(() => {
          of([1])
          throw new Error('inside')
        }),
      ).toThrow('inside')
      expect(live()).toBe(0)
    })

    it('scopes refuse promises', () => {
      expect(() => scope(() => Promise.resolve(1))).toThrow(ArgumentError)
    })

    it('compiled functions trace once per signature and not again', () => {
      let traced = 0
      const f = jit((x: Tensor) => {
        traced++
        return tanh(x).add(x)
      })
      scope(() => {
        for (let i = 0; i < 5; i++) f(of([1, 2]))
        expect(traced).toBe(1)
        f(of([1, 2, 3]))
        expect(traced).toBe(2)
      })
      f.dispose()
      expect(live()).toBe(0)
    })

    it('a thousand calls leave the memory as it was', () => {
      const f = jit((x: Tensor) => ({ y: x.multiply(2), s: x.sum() }))
      using x = of([1, 2, 3])
      disposeTree(f(x))
      const before = backend.memory()
      for (let i = 0; i < 1000; i++) disposeTree(f(x))
      expect(backend.memory()).toEqual(before)
    })

    it('compiled functions capture what they close over, and give it up when it is gone', () => {
      const weight = of([2, 3])
      const f = jit((x: Tensor) => x.multiply(weight))
      using x = of([10, 10])
      using y = f(x)
      expect([...y.readSync()]).toEqual([20, 30])
      weight.dispose()
      expect(() => f(x)).toThrow(LifetimeError)
    })

    it('donated arguments are consumed', () => {
      const f = jit((x: Tensor, y: Tensor) => x.add(y), { donate: [0] })
      const [x, y] = [of([1, 2]), of([3, 4])]
      const sum = f(x, y)
      expect([...sum.readSync()]).toEqual([4, 6])
      expect(x.isDisposed).toBe(true)
      expect(live()).toBe(2)
      disposeTree([y, sum])
    })

    it('results that are arguments are copies', () => {
      using x = of([1, 2])
      const [same, again] = jit((a: Tensor) => [a, a])(x)
      same.dispose()
      expect([...again.readSync(), ...x.readSync()]).toEqual([1, 2, 1, 2])
      again.dispose()
    })
  },
)

describe('tracing', () => {
  const [first, second] = backends

  it('refuses tensors of two backends', () => {
    using x = tensor([1], { backend: first })
    using y = tensor([1], { backend: second })
    expect(() => x.add(y)).toThrow(BackendError)
    expect(() => x.add(y)).toThrow(/reference and reference \(optimised\)/)
  })

  it('moves tensors between backends', async () => {
    using x = tensor([1, 2.5], { backend: first })
    using y = await x.to(second)
    expect([...y.readSync()]).toEqual([1, 2.5])
  })

  it('a traced tensor may neither be read nor leave its function', () => {
    let leaked: Tensor | undefined
    using x = tensor([1], { backend: first })
    jit((a: Tensor) => {
      leaked = a
      expect(() => a.readSync()).toThrow(/has no contents yet/)
      return a
    })(x).dispose()
    expect(() => jit((a: Tensor) => a.add(leaked as Tensor))(x)).toThrow(LifetimeError)
  })

  it('a function inside a function may use what the outer one traces', () => {
    using x = tensor([3], { backend: first })
    const outer = jit((a: Tensor) => jit((b: Tensor) => b.multiply(a))(a.add(1)))
    using y = outer(x)
    expect(y.itemSync()).toBe(12)
  })

  it('closed programs refuse captures, naming them', () => {
    using x = tensor([3], { backend: first })
    expect(() => traceClosed('closed', [], () => [x.add(1)])).toThrow(/Tensor\(float32\[1\], concrete\)/)
  })
})

describe('trees', () => {
  const backend = backends[0]
  it('go apart and together in the same form', () => {
    const tree = {
      layers: [{ w: tensor([1], { backend }) }, { w: tensor([2], { backend }) }],
      b: tensor(3, { backend }),
    }
    const { leaves, structure } = flattenTree(tree)
    expect(leaves.map((leaf) => leaf.readSync()[0])).toEqual([1, 2, 3])
    expect(unflattenTree(structure, leaves)).toEqual(tree)
    expect(mapTree(tree, (leaf) => leaf)).toEqual(tree)
    expect(() => unflattenTree(structure, leaves.slice(1))).toThrow(ArgumentError)
    disposeTree(tree)
  })

  it('name the leaf that is no tensor', () => {
    expect(() => flattenTree({ a: [1] })).toThrow(/number at tree\.a\[0\]/)
  })
})

it('a tensor that was forgotten is freed and told of, with the place of allocation', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const backend = createReferenceBackend()
  const told: string[] = []
  warnOfLeaks((message) => told.push(message))
  ;(() => void tensor([1, 2, 3], { backend }))()
  for (let i = 0; i < 50 && told.length === 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    collect()
  }
  warnOfLeaks(false)
  expect(told[0]).toMatch(/float32\[3\] tensor was never disposed of; allocated .*tensor\.test/s)
  expect(backend.memory().liveBuffers).toBe(0)
})
