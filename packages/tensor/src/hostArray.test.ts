import { describe, expect, it } from 'vitest'
import { DtypeError, NumericalError, ShapeError } from './errors.ts'
import { hostArray } from './hostArray.ts'

describe('hostArray', () => {
  it('takes its dtype from the kind of array and shares the elements', () => {
    const data = new Int32Array([1, 2, 3, 4, 5, 6])
    const array = hostArray(data, [2, 3])
    expect(array).toEqual({ dtype: 'int32', shape: [2, 3], data })
    expect(array.data).toBe(data)
  })

  it('copies the shape, so that the caller cannot change it afterwards', () => {
    const shape = [2]
    const array = hostArray(new Float32Array(2), shape)
    shape[0] = 3
    expect(array.shape).toEqual([2])
  })

  it('accepts scalars and empty arrays', () => {
    expect(hostArray(new Float64Array([7]), []).shape).toEqual([])
    expect(hostArray(new Uint32Array(0), [3, 0, 2]).dtype).toBe('uint32')
  })

  it('refuses a shape whose product is not the number of elements', () => {
    expect(() => hostArray(new Float32Array(5), [2, 3])).toThrow(ShapeError)
    expect(() => hostArray(new Float32Array(5), [2, 3])).toThrow(/shape \[2,3\] for 5 elements/)
    expect(() => hostArray(new Float32Array(0), [])).toThrow(ShapeError)
  })

  it('refuses negative, fractional and unsafe extents', () => {
    for (const extent of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
      expect(() => hostArray(new Float32Array(0), [0, extent])).toThrow(ShapeError)
    }
  })

  it('refuses an array kind that does not hold the dtype', () => {
    expect(() => hostArray(new Float32Array(1), [1], 'bool')).toThrow(DtypeError)
    expect(() => hostArray(new Float32Array(1), [1], 'float64')).toThrow(/Float64Array.from/)
  })

  it('refuses a boolean other than 0 and 1', () => {
    expect(hostArray(new Uint32Array([0, 1]), [2], 'bool').dtype).toBe('bool')
    expect(() => hostArray(new Uint32Array([0, 1, 2]), [3], 'bool')).toThrow(NumericalError)
    expect(() => hostArray(new Uint32Array([0, 1, 2]), [3], 'bool')).toThrow(/2 at element 2/)
  })
})
