/**
 * Rules of element-wise primitives. Each preserves values exactly, infinities and NaN included, but for these
 * accepted differences:
 *   - the sign of a zero: x + 0 → x, 0 − x → −x, −(a − b) → b − a;
 *   - rounding, never for the worse: power(x, 2) → x·x, power(x, −1) → 1/x.
 * x·0 → 0 is not among them for floats, since NaN·0 and ∞·0 are NaN; derivatives never need it, because their
 * zeros are symbolic and no array of zeros is made.
 */
import { isFloat } from '../dtype.ts'
import { noParameters } from '../program/primitive.ts'
import type { PrimitiveName } from '../program/primitive.ts'
import type { TensorType, Value } from '../program/program.ts'
import type { RewriteContext, RewriteRule, RewriteRules } from './rewriteProgram.ts'

/** The number that every element of the value equals, if the program says so. */
export const constantOf = (value: Value, context: RewriteContext): number | undefined =>
  context.match(value, 'fill')?.parameters.value

export const fill = (value: number, { shape, dtype }: TensorType, context: RewriteContext): Value =>
  context.emit('fill', [], { shape, dtype, value })

type Binary = 'add' | 'multiply' | 'subtract' | 'divide' | 'power' | 'and' | 'or'

/** A rule on the constant operand of a binary primitive, on either side for a commutative one. */
const withConstant =
  <P extends Binary>(
    side: 'left' | 'right' | 'either',
    rule: (constant: number, other: Value, type: TensorType, context: RewriteContext) => Value | undefined,
  ): RewriteRule<P> =>
  ({ inputs: [left, right], type }, context) => {
    const onRight = side === 'left' ? undefined : constantOf(right, context)
    if (onRight !== undefined) return rule(onRight, left, type, context)
    const onLeft = side === 'right' ? undefined : constantOf(left, context)
    return onLeft === undefined ? undefined : rule(onLeft, right, type, context)
  }

/** f(g(x)) → x. */
const involution =
  <P extends 'negate' | 'not'>(primitive: P): RewriteRule<P> =>
  ({ inputs: [x] }, context) =>
    context.match(x, primitive)?.inputs[0]

/** f(x, x) → x. */
const idempotent: RewriteRule<PrimitiveName> = ({ inputs: [a, b] }) => (a === b ? a : undefined)

const negated = (value: Value, context: RewriteContext): Value | undefined =>
  context.match(value, 'negate')?.inputs[0]

/** x + (−y) → x − y. */
const addNegated: RewriteRule<'add'> = ({ inputs: [a, b] }, context) => {
  const minusB = negated(b, context)
  if (minusB !== undefined) return context.emit('subtract', [a, minusB], noParameters)
  const minusA = negated(a, context)
  return minusA === undefined ? undefined : context.emit('subtract', [b, minusA], noParameters)
}

/** (−x) · (−y) → x · y. */
const multiplyNegated: RewriteRule<'multiply'> = ({ inputs: [a, b] }, context) => {
  const minusA = negated(a, context)
  const minusB = negated(b, context)
  return minusA === undefined || minusB === undefined
    ? undefined
    : context.emit('multiply', [minusA, minusB], noParameters)
}

/** −(a − b) → b − a, where the difference is used nowhere else. */
const negatedDifference: RewriteRule<'negate'> = ({ inputs: [x] }, context) => {
  const difference = context.match(x, 'subtract')
  if (difference === undefined || context.uses(x) > 1) return undefined
  const [a, b] = difference.inputs
  return context.emit('subtract', [b, a], noParameters)
}

const isPowerOfTwo = (value: number): boolean =>
  Number.isFinite(value) &&
  Math.abs(value) > 2 ** -100 &&
  Math.abs(value) < 2 ** 100 &&
  Number.isInteger(Math.log2(Math.abs(value)))

/** x / 2ⁿ → x · 2⁻ⁿ: exact, and a multiplication is several times cheaper. */
const dividePowerOfTwo = withConstant<'divide'>('right', (constant, x, type, context) =>
  isFloat(type.dtype) && constant !== 1 && isPowerOfTwo(constant)
    ? context.emit('multiply', [x, fill(1 / constant, type, context)], noParameters)
    : undefined,
)

const simplePower = withConstant<'power'>('right', (exponent, x, type, context) => {
  switch (exponent) {
    case 0:
      return fill(1, type, context)
    case 1:
      return x
    case 2:
      return context.emit('multiply', [x, x], noParameters)
    case -1:
      return context.emit('divide', [fill(1, type, context), x], noParameters)
    default:
      return undefined
  }
})

const selectKnown: RewriteRule<'select'> = ({ inputs: [condition, whenTrue, whenFalse] }, context) => {
  if (whenTrue === whenFalse) return whenTrue
  const constant = constantOf(condition, context)
  if (constant !== undefined) return constant === 0 ? whenFalse : whenTrue
  const opposite = context.match(condition, 'not')?.inputs[0]
  return opposite === undefined
    ? undefined
    : context.emit('select', [opposite, whenFalse, whenTrue], noParameters)
}

export const algebraicRules: RewriteRules = {
  add: [withConstant('either', (c, x) => (c === 0 ? x : undefined)), addNegated],
  subtract: [
    withConstant('right', (c, x) => (c === 0 ? x : undefined)),
    withConstant('left', (c, x, _, context) =>
      c === 0 ? context.emit('negate', [x], noParameters) : undefined,
    ),
    ({ inputs: [a, b] }, context) => {
      const minusB = negated(b, context)
      return minusB === undefined ? undefined : context.emit('add', [a, minusB], noParameters)
    },
  ],
  multiply: [
    withConstant('either', (c, x, type, context) => {
      if (c === 1) return x
      if (c === -1) return context.emit('negate', [x], noParameters)
      return c === 0 && !isFloat(type.dtype) ? fill(0, type, context) : undefined
    }),
    multiplyNegated,
  ],
  divide: [withConstant('right', (c, x) => (c === 1 ? x : undefined)), dividePowerOfTwo],
  power: [simplePower],
  negate: [involution('negate'), negatedDifference],
  not: [involution('not')],
  and: [withConstant('either', (c, x, type, context) => (c === 0 ? fill(0, type, context) : x)), idempotent],
  or: [withConstant('either', (c, x, type, context) => (c === 0 ? x : fill(1, type, context))), idempotent],
  maximum: [idempotent],
  minimum: [idempotent],
  select: [selectKnown],
  abs: [
    ({ inputs: [x] }, context) => {
      const minus = negated(x, context)
      return minus === undefined ? undefined : context.emit('abs', [minus], noParameters)
    },
  ],
  stopGradient: [({ inputs: [x] }) => x],
  convert: [({ inputs: [x], parameters }) => (x.dtype === parameters.dtype ? x : undefined)],
}
