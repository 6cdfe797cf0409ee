/**
 * Cases of the primitives that move, reduce or multiply elements: expected results are written as loops over output
 * indices, straight from the definitions.
 */
import type { Dtype } from '../dtype.ts'
import type { HostArray } from '../hostArray.ts'
import type { OperatorCases } from './operatorCase.ts'
import { array } from './operatorCase.ts'

/** 0, 1, 2, … in a shape. */
const counting = (shape: readonly number[], dtype: Dtype = 'float32'): HostArray =>
  array(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
    shape,
    dtype,
  )

/** The values of f over all indices of a shape, last index fastest. */
function table(shape: readonly number[], f: (...index: number[]) => number): number[] {
  const values: number[] = []
  const visit = (index: number[]): void => {
    if (index.length === shape.length) values.push(f(...index))
    else for (let i = 0; i < shape[index.length]; i++) visit([...index, i])
  }
  visit([])
  return values
}

const total = (count: number, f: (k: number) => number): number => {
  let sum = 0
  for (let k = 0; k < count; k++) sum += f(k)
  return sum
}

/** Small numbers in a shape that are exact in float32 and not symmetric. */
const uneven = (shape: readonly number[], seed: number): HostArray =>
  array(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7 + seed) % 11) / 4 - 1),
    shape,
  )

const plain = { lhsBatch: [], rhsBatch: [], lhsContract: [1], rhsContract: [0] }

/** a·b of [m, k] and [k, n], and the same with both operands stored transposed, and with an accumulator. */
function products(m: number, n: number, k: number) {
  const [a, b, c] = [uneven([m, k], 1), uneven([k, n], 2), uneven([m, n], 3)]
  const [at, bt] = [uneven([k, m], 1), uneven([n, k], 2)]
  const product = (
    left: (i: number, l: number) => number,
    right: (l: number, j: number) => number,
  ): number[] => table([m, n], (i, j) => total(k, (l) => left(i, l) * right(l, j)))
  const straight = product(
    (i, l) => a.data[i * k + l],
    (l, j) => b.data[l * n + j],
  )
  return [
    { inputs: [a, b], parameters: plain, expected: straight, roundings: 32 },
    {
      inputs: [a, b, c],
      parameters: plain,
      expected: straight.map((value, i) => value + c.data[i]),
      roundings: 32,
    },
    {
      inputs: [at, bt],
      parameters: { lhsBatch: [], rhsBatch: [], lhsContract: [0], rhsContract: [1] },
      expected: product(
        (i, l) => at.data[l * m + i],
        (l, j) => bt.data[j * k + l],
      ),
      roundings: 32,
    },
  ]
}

const cube = uneven([2, 3, 5], 4)
const at = (i: number, j: number, l: number): number => cube.data[(i * 3 + j) * 5 + l]
const batched = [uneven([3, 2, 4], 5), uneven([3, 4, 5], 6)] as const

export const movementCases = {
  reshape: [
    { inputs: [counting([2, 6])], parameters: { shape: [3, 4] }, expected: table([12], (i) => i) },
    { inputs: [counting([0, 2])], parameters: { shape: [0] }, expected: [] },
    { inputs: [counting([1, 1])], parameters: { shape: [] }, expected: [0] },
  ],
  transpose: [
    {
      inputs: [cube],
      parameters: { permutation: [2, 0, 1] },
      expected: table([5, 2, 3], (l, i, j) => at(i, j, l)),
    },
    {
      inputs: [counting([33, 18])],
      parameters: { permutation: [1, 0] },
      expected: table([18, 33], (j, i) => i * 18 + j),
    },
  ],
  broadcast: [
    {
      inputs: [counting([3])],
      parameters: { shape: [2, 3], axes: [1] },
      expected: table([2, 3], (_, j) => j),
    },
    {
      inputs: [counting([2, 1])],
      parameters: { shape: [2, 5], axes: [0, 1] },
      expected: table([2, 5], (i) => i),
    },
    { inputs: [array([4], [])], parameters: { shape: [3], axes: [] }, expected: [4, 4, 4] },
  ],
  slice: [
    {
      inputs: [cube],
      parameters: { starts: [1, 0, 1], limits: [2, 3, 5], strides: [1, 2, 3] },
      expected: table([1, 2, 2], (i, j, l) => at(1 + i, 2 * j, 1 + 3 * l)),
    },
    { inputs: [counting([4])], parameters: { starts: [2], limits: [2], strides: [1] }, expected: [] },
  ],
  pad: [
    {
      inputs: [counting([3])],
      parameters: { low: [1], high: [2], interior: [1] },
      expected: [0, 0, 0, 1, 0, 2, 0, 0],
    },
    {
      inputs: [array([1, 2, 3, 4], [2, 2])],
      parameters: { low: [0, 1], high: [1, 0], interior: [0, 0] },
      expected: [0, 1, 2, 0, 3, 4, 0, 0, 0],
    },
  ],
  concatenate: [
    {
      inputs: [array([1, 2], [1, 2]), array([3, 4, 5, 6], [2, 2])],
      parameters: { axis: 0 },
      expected: [1, 2, 3, 4, 5, 6],
    },
    {
      inputs: [array([1, 2], [2, 1]), array([3, 4, 5, 6], [2, 2]), array([], [2, 0])],
      parameters: { axis: 1 },
      expected: [1, 3, 4, 2, 5, 6],
    },
  ],
  gather: [
    {
      inputs: [counting([3, 2]), array([2, 0, 2, 9, -4], [5], 'int32')],
      parameters: { axis: 0 },
      expected: [4, 5, 0, 1, 4, 5, 4, 5, 0, 1],
    },
    {
      inputs: [counting([2, 3]), array([1, 1], [2], 'int32')],
      parameters: { axis: 1 },
      expected: [1, 1, 4, 4],
    },
  ],
  scatterAdd: [
    {
      inputs: [counting([3, 2]), array([2, 0, 2], [3], 'int32'), array([1, 2, 3, 4, 5, 6], [3, 2])],
      parameters: { axis: 0 },
      expected: [3, 5, 2, 3, 10, 13],
    },
    {
      inputs: [counting([2, 2]), array([1, 7], [2], 'int32'), array([10, 20, 30, 40], [2, 2])],
      parameters: { axis: 1 },
      expected: [0, 31, 2, 73],
    },
  ],
  reduceSum: [
    {
      inputs: [cube],
      parameters: { axes: [1] },
      expected: table([2, 5], (i, l) => total(3, (j) => at(i, j, l))),
    },
    {
      inputs: [cube],
      parameters: { axes: [0, 2] },
      expected: table([3], (j) => total(2, (i) => total(5, (l) => at(i, j, l)))),
      roundings: 16,
    },
    {
      inputs: [cube],
      parameters: { axes: [0, 1, 2] },
      expected: [total(30, (i) => cube.data[i])],
      roundings: 32,
    },
    { inputs: [counting([0, 3])], parameters: { axes: [0] }, expected: [0, 0, 0] },
    { inputs: [counting([5], 'int32')], parameters: { axes: [0] }, expected: [10] },
  ],
  reduceMax: [
    {
      inputs: [cube],
      parameters: { axes: [2] },
      expected: table([2, 3], (i, j) => Math.max(...[0, 1, 2, 3, 4].map((l) => at(i, j, l)))),
    },
    {
      inputs: [array([1, NaN, 3, -Infinity, -5, -Infinity], [2, 3])],
      parameters: { axes: [1] },
      expected: [NaN, -5],
    },
    { inputs: [counting([0, 2])], parameters: { axes: [0] }, expected: [-Infinity, -Infinity] },
  ],
  argMax: [
    { inputs: [array([1, 5, 5, 0, -1, -1], [2, 3])], parameters: { axis: 1 }, expected: [1, 0] },
    { inputs: [array([1, 5, 5, 6, -1, 7], [2, 3])], parameters: { axis: 0 }, expected: [1, 0, 1] },
  ],
  dot: [
    ...[
      [1, 1, 1],
      [3, 5, 7],
      [4, 8, 4],
      [17, 33, 9],
      [2, 3, 0],
      [0, 3, 2],
      [1, 9, 6],
      [9, 1, 6],
    ].flatMap(([m, n, k]) => products(m, n, k)),
    {
      inputs: [batched[0], batched[1]],
      parameters: { lhsBatch: [0], rhsBatch: [0], lhsContract: [2], rhsContract: [1] },
      expected: table([3, 2, 5], (b, i, j) =>
        total(4, (k) => batched[0].data[(b * 2 + i) * 4 + k] * batched[1].data[(b * 4 + k) * 5 + j]),
      ),
      roundings: 32,
    },
    {
      inputs: [uneven([2, 3], 1), uneven([2, 3], 2)],
      parameters: { lhsBatch: [], rhsBatch: [], lhsContract: [0, 1], rhsContract: [0, 1] },
      expected: [total(6, (i) => uneven([6], 1).data[i] * uneven([6], 2).data[i])],
      roundings: 32,
    },
    {
      inputs: [uneven([3], 1), uneven([5], 2)],
      parameters: { lhsBatch: [], rhsBatch: [], lhsContract: [], rhsContract: [] },
      expected: table([3, 5], (i, j) => uneven([3], 1).data[i] * uneven([5], 2).data[j]),
    },
  ],
} satisfies Partial<OperatorCases>
