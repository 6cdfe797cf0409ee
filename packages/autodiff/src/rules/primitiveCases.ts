/**
 * What the tests of derivative rules walk through: for every primitive, functions that apply it to operands of various
 * shapes and parameters, with ranges on which it is defined and free of kinks. The compiler names the primitive that
 * lacks cases.
 */
import type { HostArray, PrimitiveName, PrimitiveParameters, Tensor } from '@hessian-free/tensor'
import { applyPrimitive, convert, less, maximum, noParameters, tanh, traceClosed } from '@hessian-free/tensor'
import type * as fc from 'fast-check'
import { floats, indices } from '../testing/description.ts'

export interface PrimitiveCase {
  readonly title: string
  /** Operands to differentiate in. */
  readonly operands: readonly fc.Arbitrary<HostArray>[]
  /** Operands that are never differentiated, for instance indices. */
  readonly others: readonly fc.Arbitrary<HostArray>[]
  readonly apply: (operands: readonly Tensor[], others: readonly Tensor[]) => Tensor
}

type Range = Parameters<typeof floats>[1]

const anywhere: Range = {}
const positive: Range = { minimum: 0.25, maximum: 2 }
/** Between two neighbouring integers and off ½: floor, sign and round are constant nearby. */
const insideUnit: Range = { minimum: 0.1, maximum: 0.4 }

/** A case that applies the primitive to all its operands as they are. */
const direct = <P extends PrimitiveName>(
  primitive: P,
  operands: readonly fc.Arbitrary<HostArray>[],
  parameters: PrimitiveParameters[P],
  others: readonly fc.Arbitrary<HostArray>[] = [],
  arrange: (x: readonly Tensor[], rest: readonly Tensor[]) => readonly Tensor[] = (x, rest) => [
    ...x,
    ...rest,
  ],
): PrimitiveCase => ({
  title: `${primitive} ${JSON.stringify(parameters)}`,
  operands,
  others,
  apply: (x, rest) => applyPrimitive(primitive, arrange(x, rest), parameters)[0],
})

type WithoutParameters = {
  [P in PrimitiveName]: PrimitiveParameters[P] extends typeof noParameters ? P : never
}[PrimitiveName]

const one = (primitive: WithoutParameters, range: Range = anywhere): PrimitiveCase[] => [
  direct(primitive, [floats([2, 3], range)], noParameters),
]

const two = (primitive: WithoutParameters, left: Range = anywhere, right: Range = left): PrimitiveCase[] => [
  direct(primitive, [floats([2, 3], left), floats([2, 3], right)], noParameters),
]

/** A primitive that takes booleans, fed with comparisons of the operands. */
const ofBooleans = (primitive: 'not' | 'and' | 'or'): PrimitiveCase[] => [
  {
    title: `${primitive} of comparisons`,
    operands: [floats([4]), floats([4])],
    others: [],
    apply: ([a, b]) => {
      const comparison = less(a, b)
      const operands = primitive === 'not' ? [comparison] : [comparison, less(b, a)]
      return applyPrimitive(primitive, operands, noParameters)[0]
    },
  },
]

/** A function that takes an operand and does not depend on it. */
const constant = (title: string, make: (key: Tensor) => Tensor): PrimitiveCase[] => [
  {
    title,
    operands: [floats([2])],
    others: [indices([2], 9)],
    apply: (_, [key]) => make(convert(key, 'uint32')),
  },
]

const dotCase = (
  lhs: readonly number[],
  rhs: readonly number[],
  axes: Partial<PrimitiveParameters['dot']>,
  accumulator?: readonly number[],
): PrimitiveCase => {
  const { lhsBatch = [], rhsBatch = [], lhsContract = [], rhsContract = [] } = axes
  const operands = [lhs, rhs, ...(accumulator === undefined ? [] : [accumulator])]
  return direct(
    'dot',
    operands.map((shape) => floats(shape)),
    { lhsBatch, rhsBatch, lhsContract, rhsContract },
  )
}

/** A call without rules of its own: its program is differentiated. */
const callCase: PrimitiveCase = {
  title: 'call of a program of two operands',
  operands: [floats([2, 3]), floats([3])],
  others: [],
  apply: (operands) => {
    const program = traceClosed('called', operands, ([a, b]) => [tanh(a.dot(b)).multiply(b.sum())])
    return applyPrimitive('call', operands, { program })[0]
  },
}

export const primitiveCases: { readonly [P in PrimitiveName]: readonly PrimitiveCase[] } = {
  negate: one('negate'),
  abs: one('abs', positive),
  sign: one('sign', positive),
  floor: one('floor', insideUnit),
  round: one('round', insideUnit),
  sqrt: one('sqrt', positive),
  exp: one('exp'),
  expm1: one('expm1'),
  log: one('log', positive),
  log1p: one('log1p', { minimum: -0.5, maximum: 2 }),
  sin: one('sin', { minimum: -4, maximum: 4 }),
  cos: one('cos', { minimum: -4, maximum: 4 }),
  tanh: one('tanh', { minimum: -3, maximum: 3 }),
  sigmoid: one('sigmoid', { minimum: -4, maximum: 4 }),
  softplus: one('softplus', { minimum: -4, maximum: 4 }),
  not: ofBooleans('not'),
  stopGradient: [
    {
      title: 'stopGradient of what is constant anyway',
      operands: [floats([3])],
      others: [floats([3])],
      apply: ([x], [y]) => applyPrimitive('stopGradient', [y], noParameters)[0].multiply(x),
    },
  ],
  add: two('add'),
  subtract: two('subtract'),
  multiply: [
    ...two('multiply'),
    {
      title: 'multiply of an operand with itself',
      operands: [floats([4])],
      others: [],
      apply: ([x]) => applyPrimitive('multiply', [x, x], noParameters)[0],
    },
  ],
  divide: two('divide', anywhere, positive),
  power: [
    ...two('power', positive, { minimum: -2, maximum: 3 }),
    {
      title: 'power with a constant exponent, at a base of either sign',
      operands: [floats([4])],
      others: [],
      apply: ([x]) => x.power(3),
    },
  ],
  maximum: [
    ...two('maximum'),
    { ...one('maximum')[0], title: 'maximum with 0', apply: ([x]) => maximum(x, 0) },
  ],
  minimum: two('minimum'),
  equal: two('equal'),
  less: two('less', { minimum: 0, maximum: 1 }, { minimum: 2, maximum: 3 }),
  lessEqual: two('lessEqual', { minimum: 0, maximum: 1 }, { minimum: 2, maximum: 3 }),
  and: ofBooleans('and'),
  or: ofBooleans('or'),
  select: [
    {
      title: 'select by a comparison of other tensors',
      operands: [floats([5]), floats([5])],
      others: [floats([5])],
      apply: ([a, b], [c]) => applyPrimitive('select', [less(c, c.multiply(0)), a, b], noParameters)[0],
    },
  ],
  convert: [
    direct('convert', [floats([3])], { dtype: 'float64' }),
    direct('convert', [floats([3], insideUnit)], { dtype: 'int32' }),
  ],
  fill: constant('fill', () => applyPrimitive('fill', [], { shape: [2], dtype: 'float64', value: 3 })[0]),
  iota: constant('iota', () => applyPrimitive('iota', [], { shape: [2, 3], dtype: 'float64', axis: 1 })[0]),
  randomBits: constant('randomBits', (key) => applyPrimitive('randomBits', [key], { shape: [3] })[0]),
  reshape: [direct('reshape', [floats([2, 3])], { shape: [3, 2, 1] })],
  transpose: [direct('transpose', [floats([2, 3, 4])], { permutation: [2, 0, 1] })],
  broadcast: [
    direct('broadcast', [floats([3])], { shape: [2, 3], axes: [1] }),
    direct('broadcast', [floats([2, 1])], { shape: [2, 4, 3], axes: [0, 2] }),
    direct('broadcast', [floats([])], { shape: [2, 2], axes: [] }),
    direct('broadcast', [floats([1, 2])], { shape: [1, 2], axes: [0, 1] }),
  ],
  slice: [
    direct('slice', [floats([5, 4])], { starts: [1, 0], limits: [4, 4], strides: [1, 1] }),
    direct('slice', [floats([7])], { starts: [1], limits: [6], strides: [2] }),
    direct('slice', [floats([7])], { starts: [0], limits: [7], strides: [3] }),
    direct('slice', [floats([4])], { starts: [4], limits: [4], strides: [1] }),
  ],
  pad: [
    direct('pad', [floats([2, 3])], { low: [1, 0], high: [0, 2], interior: [0, 0] }),
    direct('pad', [floats([3])], { low: [1], high: [2], interior: [2] }),
    direct('pad', [floats([0])], { low: [1], high: [2], interior: [1] }),
  ],
  concatenate: [
    direct('concatenate', [floats([2, 3]), floats([2, 1]), floats([2, 2])], { axis: 1 }),
    direct('concatenate', [floats([2])], { axis: 0 }),
  ],
  gather: [
    direct('gather', [floats([4, 2])], { axis: 0 }, [indices([5], 4)]),
    direct('gather', [floats([2, 3])], { axis: 1 }, [indices([2], 6)]),
  ],
  scatterAdd: [
    direct('scatterAdd', [floats([4, 2]), floats([3, 2])], { axis: 0 }, [indices([3], 4)], ([x, u], [i]) => [
      x,
      i,
      u,
    ]),
    direct('scatterAdd', [floats([2, 3]), floats([2, 4])], { axis: 1 }, [indices([4], 6)], ([x, u], [i]) => [
      x,
      i,
      u,
    ]),
  ],
  reduceSum: [
    direct('reduceSum', [floats([2, 3, 2])], { axes: [0, 2] }),
    direct('reduceSum', [floats([3])], { axes: [0] }),
    direct('reduceSum', [floats([3])], { axes: [] }),
  ],
  reduceMax: [
    direct('reduceMax', [floats([3, 4])], { axes: [1] }),
    direct('reduceMax', [floats([2, 3, 2])], { axes: [0, 2] }),
  ],
  argMax: [direct('argMax', [floats([3, 4])], { axis: 1 })],
  dot: [
    dotCase([2, 3], [3, 4], { lhsContract: [1], rhsContract: [0] }),
    dotCase([2, 3], [4, 3], { lhsContract: [1], rhsContract: [1] }),
    dotCase([3, 2], [3, 4], { lhsContract: [0], rhsContract: [0] }),
    dotCase([3, 2], [4, 3], { lhsContract: [0], rhsContract: [1] }),
    dotCase([3], [3], { lhsContract: [0], rhsContract: [0] }),
    dotCase([2], [3], {}),
    dotCase([2, 3], [3, 4], { lhsContract: [1], rhsContract: [0] }, [2, 4]),
    dotCase([2, 3, 4], [2, 4, 3], { lhsBatch: [0], rhsBatch: [0], lhsContract: [2], rhsContract: [1] }),
    dotCase(
      [3, 2, 4],
      [4, 5, 2],
      { lhsBatch: [1], rhsBatch: [2], lhsContract: [2], rhsContract: [0] },
      [2, 3, 5],
    ),
    dotCase([2, 3, 4], [4, 2, 2], { lhsContract: [0, 2], rhsContract: [1, 0] }),
    dotCase([2, 3, 4], [4, 2, 2], { lhsContract: [2, 0], rhsContract: [0, 2] }, [3, 2]),
  ],
  call: [callCase],
}
