/**
 * Generates host arrays for property tests: every dtype, ranks 0 to 4, extents from 0, every bit pattern that
 * fast-check's typed-array generators give (NaN, infinities, negative zero, subnormals, extreme integers).
 */
import fc from 'fast-check'
import type { Dtype, TypedArray } from '../dtype.ts'
import { dtypes } from '../dtype.ts'
import { hostArray } from '../hostArray.ts'
import type { HostArray } from '../hostArray.ts'
import { sizeOf } from '../shape.ts'

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })

function elements(dtype: Dtype, length: number): fc.Arbitrary<TypedArray> {
  const constraints = { minLength: length, maxLength: length }
  switch (dtype) {
    case 'float32':
      return fc.float32Array(constraints)
    case 'float64':
      return fc.float64Array(constraints)
    case 'int32':
      return fc.int32Array(constraints)
    case 'uint32':
      return fc.uint32Array(constraints)
    case 'bool':
      return fc.uint32Array({ ...constraints, max: 1 })
  }
}

/** Host arrays of the given dtypes; all five by default. */
export const arbitraryHostArray = (types: readonly Dtype[] = dtypes): fc.Arbitrary<HostArray> =>
  fc
    .tuple(fc.constantFrom(...types), shapes)
    .chain(([dtype, shape]) => elements(dtype, sizeOf(shape)).map((data) => hostArray(data, shape, dtype)))

/** The parts of an array that must survive a round trip, with the elements as bytes: exact to the last bit. */
export const exactParts = ({ dtype, shape, data }: HostArray): unknown => ({
  dtype,
  shape,
  bytes: [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
})
