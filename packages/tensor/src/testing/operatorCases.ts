/**
 * Cases for every primitive, with results from plain loops that share no code with any backend: one suite runs them on
 * every backend, the tolerance coming from the backend. The table is total, so that the compiler names a primitive
 * without cases.
 */
import type { Dtype } from '../dtype.ts'
import type { HostArray } from '../hostArray.ts'
import type { NoParameters } from '../program/primitive.ts'
import { noParameters } from '../program/primitive.ts'
import { randomBits } from '../random/threefry.ts'
import type { OperatorCase, OperatorCases } from './operatorCase.ts'
import { array } from './operatorCase.ts'
import { movementCases } from './movementCases.ts'

/** Sizes around a vector of four and beyond: 0, 1, 3, 4, 7, 33. */
const sizes = [0, 1, 3, 4, 7, 33]

/** Numbers that are exact in float32: a walk over [−span, span], never the same twice in a row. */
const walk = (count: number, span: number, offset = 0): number[] =>
  Array.from({ length: count }, (_, i) => Math.fround(offset + span * Math.sin(1 + 2.3 * i)))

interface ElementwiseCase {
  readonly inputs: readonly HostArray[]
  readonly parameters: NoParameters
  readonly expected: ArrayLike<number>
  readonly roundings?: number
}

const unaryCases = (
  f: (x: number) => number,
  values: (count: number) => number[],
  dtype: Dtype = 'float32',
  roundings = 8,
): ElementwiseCase[] =>
  sizes.map((count) => {
    const x = values(count)
    return { inputs: [array(x, [count], dtype)], parameters: noParameters, expected: x.map(f), roundings }
  })

const special = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2.5,
  -2.5,
  1e-30,
  -1e-30,
  88,
  -88,
  1e4,
  -1e4,
  Infinity,
  -Infinity,
  NaN,
]

/** Ordinary numbers at every size, and the special ones. */
const unary = (
  f: (x: number) => number,
  span = 4,
  offset = 0,
  exceptional: readonly number[] = special,
): ElementwiseCase[] => [
  ...unaryCases(f, (count) => walk(count, span, offset)),
  {
    inputs: [array(exceptional)],
    parameters: noParameters,
    expected: Array.from(Float32Array.from(exceptional), f),
    roundings: 8,
  },
]

const binary = (
  f: (x: number, y: number) => number,
  dtype: Dtype = 'float32',
  positive = false,
): ElementwiseCase[] =>
  sizes.map((count) => {
    const shape = count === 33 ? [3, 11] : [count]
    const whole = (values: number[]): number[] => (dtype === 'float32' ? values : values.map(Math.round))
    const x = whole(walk(count, 20, positive ? 21 : 0))
    const y = whole(walk(count + 1, 7, positive ? 8 : 0).slice(1))
    return {
      inputs: [array(x, shape, dtype), array(y, shape, dtype)],
      parameters: noParameters,
      expected: x.map((value, i) => f(value, y[i])),
    }
  })

const truth = (f: (x: boolean, y: boolean) => boolean): ElementwiseCase[] => [
  {
    inputs: [array([0, 0, 1, 1, 0], [5], 'bool'), array([0, 1, 0, 1, 1], [5], 'bool')],
    parameters: noParameters,
    expected: [f(false, false), f(false, true), f(true, false), f(true, true), f(false, true)].map(Number),
  },
]

const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)))
const softplus = (x: number): number => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)))
const halfToEven = (x: number): number => {
  const nearest = Math.round(x)
  return Math.abs(x % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest
}
const finite = special.filter((x) => Math.abs(x) < 1e3)

const conversion = (
  from: Dtype,
  to: Dtype,
  values: readonly number[],
  expected: readonly number[],
): OperatorCase<'convert'> => ({
  inputs: [array(values, [values.length], from)],
  parameters: { dtype: to },
  expected,
})

const elementwiseCases = {
  negate: [
    ...unary((x) => -x),
    ...unaryCases(
      (x) => -x,
      (n) => walk(n, 9).map(Math.round),
      'int32',
    ),
  ],
  abs: unary(Math.abs),
  sign: unary(Math.sign),
  floor: unary(Math.floor),
  round: unary(halfToEven, 4, 0, finite),
  sqrt: unary(Math.sqrt, 3, 4, [0, 1, 4, 1e-30, Infinity, -1]),
  exp: unary(Math.exp),
  expm1: unary(Math.expm1),
  log: unary(Math.log, 3, 4, [0, 1, 1e-30, 1e30, Infinity, -1]),
  log1p: unary(Math.log1p, 3, 3, [0, -0.5, 1e-30, 1e30, Infinity, -1]),
  sin: unary(Math.sin, 4, 0, finite),
  cos: unary(Math.cos, 4, 0, finite),
  tanh: unary(Math.tanh),
  sigmoid: unary(sigmoid),
  softplus: unary(softplus),
  not: [{ inputs: [array([0, 1, 1], [3], 'bool')], parameters: noParameters, expected: [1, 0, 0] }],
  stopGradient: unary((x) => x),
  add: [...binary((x, y) => x + y), ...binary((x, y) => x + y, 'int32')],
  subtract: [...binary((x, y) => x - y), ...binary((x, y) => x - y, 'int32')],
  multiply: [
    ...binary((x, y) => x * y),
    {
      inputs: [array([65537, -3], [2], 'int32'), array([65537, 5], [2], 'int32')],
      parameters: noParameters,
      expected: [131073, -15],
    },
  ],
  divide: [
    ...binary((x, y) => x / y),
    {
      inputs: [array([7, -7, 7, 5], [4], 'int32'), array([2, 2, -2, 0], [4], 'int32')],
      parameters: noParameters,
      expected: [3, -3, -3, 0],
    },
    {
      inputs: [array([4294967295, 9], [2], 'uint32'), array([2, 4], [2], 'uint32')],
      parameters: noParameters,
      expected: [2147483647, 2],
    },
  ],
  power: [
    ...binary(Math.pow, 'float32', true),
    {
      inputs: [array([-2, -2, 0, 2, 2]), array([3, 0.5, 0, -1, 0])],
      parameters: noParameters,
      expected: [-8, NaN, 1, 0.5, 1],
    },
  ],
  maximum: [
    ...binary(Math.max),
    { inputs: [array([NaN, 1]), array([1, NaN])], parameters: noParameters, expected: [NaN, NaN] },
  ],
  minimum: [
    ...binary(Math.min),
    { inputs: [array([NaN, 1]), array([1, NaN])], parameters: noParameters, expected: [NaN, NaN] },
  ],
  equal: [
    ...binary((x, y) => Number(x === y), 'int32'),
    { inputs: [array([NaN, 0]), array([NaN, -0])], parameters: noParameters, expected: [0, 1] },
  ],
  less: [
    ...binary((x, y) => Number(x < y)),
    { inputs: [array([NaN, 1]), array([1, 1])], parameters: noParameters, expected: [0, 0] },
  ],
  lessEqual: [
    ...binary((x, y) => Number(x <= y)),
    { inputs: [array([NaN, 1]), array([1, 1])], parameters: noParameters, expected: [0, 1] },
  ],
  and: truth((x, y) => x && y),
  or: truth((x, y) => x || y),
  select: [
    {
      inputs: [array([1, 0, 1, 0, 1], [5], 'bool'), array([1, 2, 3, 4, 5]), array([-1, -2, -3, NaN, -5])],
      parameters: noParameters,
      expected: [1, -2, 3, NaN, 5],
    },
  ],
  convert: [
    conversion('float32', 'int32', [1.9, -1.9, 3e9, -3e9, NaN, 0.5], [1, -1, 2147483647, -2147483648, 0, 0]),
    conversion('float32', 'uint32', [1.9, -1.9, 5e9, NaN, 3e9], [1, 0, 4294967295, 0, 3e9]),
    conversion('int32', 'float32', [-3, 0, 7, 16777216], [-3, 0, 7, 16777216]),
    conversion('uint32', 'float32', [0, 7, 4294967040], [0, 7, 4294967040]),
    conversion('float32', 'bool', [0, -0, 2, NaN], [0, 0, 1, 1]),
    conversion('bool', 'float32', [0, 1, 1], [0, 1, 1]),
  ],
} satisfies Partial<OperatorCases>

export const operatorCases: OperatorCases = {
  ...elementwiseCases,
  ...movementCases,
  fill: [
    {
      inputs: [],
      parameters: { shape: [2, 3], dtype: 'float32', value: 1.5 },
      expected: new Array<number>(6).fill(1.5),
    },
    { inputs: [], parameters: { shape: [], dtype: 'int32', value: -7 }, expected: [-7] },
    { inputs: [], parameters: { shape: [0], dtype: 'float32', value: 1 }, expected: [] },
  ],
  iota: [
    {
      inputs: [],
      parameters: { shape: [2, 5], dtype: 'int32', axis: 1 },
      expected: [0, 1, 2, 3, 4, 0, 1, 2, 3, 4],
    },
    { inputs: [], parameters: { shape: [3, 2], dtype: 'float32', axis: 0 }, expected: [0, 0, 1, 1, 2, 2] },
  ],
  randomBits: [0, 1, 5, 33].map((count) => ({
    inputs: [array([1, 2], [2], 'uint32')],
    parameters: { shape: [count] },
    expected: randomBits([1, 2], count),
  })),
  call: [],
}
