// Oracle: the numbers asked for.
import { describe, expect, it } from 'vitest'
import { ShapeError, createReferenceBackend, full, iota, tensor, withDefaultBackend } from '../index.ts'

const backend = createReferenceBackend()

describe('creation', () => {
  it('tells NaN, infinities and both zeros apart, whatever was made before', () => {
    withDefaultBackend(backend, () => {
      for (const value of [NaN, Infinity, -Infinity, 0, -0]) {
        expect(Object.is(full([1], value).itemSync(), value), String(value)).toBe(true)
      }
    })
  })

  it('takes numbers, nested arrays, typed arrays and host arrays', () => {
    expect(tensor(3, { backend })).toMatchObject({ shape: [], dtype: 'float32' })
    expect(
      tensor(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        { backend },
      ),
    ).toMatchObject({ shape: [2, 3] })
    expect(tensor([true, false], { backend }).dtype).toBe('bool')
    expect(tensor(new Int32Array([1, 2]), { backend }).dtype).toBe('int32')
    expect([...tensor(new Float64Array(6), { backend, shape: [2, 3] }).shape]).toEqual([2, 3])
  })

  it('refuses ragged nesting, naming the rule', () => {
    expect(() => tensor([[1, 2], [3]], { backend })).toThrow(ShapeError)
    expect(() => tensor([[1, 2], [3]], { backend })).toThrow(/rectangular/)
  })

  it('counts along an axis', () => {
    withDefaultBackend(backend, () => {
      expect([...iota([2, 3], 1).readSync()]).toEqual([0, 1, 2, 0, 1, 2])
      expect([...iota([2, 3], 0, 'int32').readSync()]).toEqual([0, 0, 0, 1, 1, 1])
    })
  })
})
