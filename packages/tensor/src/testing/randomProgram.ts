/**
 * Random programs for property tests of passes and backends. They are made of lists of choices, so that fast-check shrinks
 * a failing one to few equations; they lean towards movement, products and reductions, where fusion can go wrong.
 */
import fc from 'fast-check'
import type { TypedArray } from '../dtype.ts'
import { typedArrayFrom } from '../dtype.ts'
import type { DotAxes } from '../program/primitive.ts'
import { noParameters } from '../program/primitive.ts'
import type { Program, Value } from '../program/program.ts'
import { ProgramBuilder } from '../program/programBuilder.ts'
import type { Shape } from '../shape.ts'
import { sameShape, sizeOf } from '../shape.ts'

type FloatDtype = 'float32' | 'float64'

const unary = ['negate', 'tanh', 'exp', 'sigmoid', 'abs', 'sin', 'stopGradient'] as const
const binary = ['add', 'multiply', 'subtract', 'maximum', 'minimum', 'add', 'multiply'] as const
const constants = [0, 1, 2, -1, 0.5]
const largestSize = 300

/** Reads choices one after the other; past the end every choice is the first option. */
class Choices {
  #next = 0
  constructor(readonly numbers: readonly number[]) {}
  below(count: number): number {
    return count <= 0 ? 0 : (this.numbers[this.#next++] ?? 0) % count
  }
  of<T>(options: readonly T[]): T {
    return options[this.below(options.length)]
  }
  flag(): boolean {
    return this.below(2) === 1
  }
}

/** `value` as an operand of the given shape, if it stretches or reshapes to it. */
function fitted(builder: ProgramBuilder, value: Value, shape: Shape): Value | undefined {
  if (sameShape(value.shape, shape)) return value
  const axes = value.shape.map((_, axis) => axis + shape.length - value.shape.length)
  const stretches = axes.every((axis, i) => axis >= 0 && [1, shape[axis]].includes(value.shape[i]))
  if (stretches) return builder.emit('broadcast', [value], { shape, axes })[0]
  return sizeOf(value.shape) === sizeOf(shape) ? builder.emit('reshape', [value], { shape })[0] : undefined
}

function randomAxes(lhs: Value, rhs: Value, choices: Choices): DotAxes {
  const axes = { lhsBatch: [], rhsBatch: [], lhsContract: [], rhsContract: [] } as Record<
    keyof DotAxes,
    number[]
  >
  const taken = new Set<number>()
  lhs.shape.forEach((extent, axis) => {
    const partner = rhs.shape.findIndex((other, i) => other === extent && !taken.has(i))
    const role = choices.below(4)
    if (partner === -1 || role === 0) return
    taken.add(partner)
    axes[role === 1 ? 'lhsBatch' : 'lhsContract'].push(axis)
    axes[role === 1 ? 'rhsBatch' : 'rhsContract'].push(partner)
  })
  return axes
}

/** Applies one random primitive; undefined where the choice does not fit. */
function randomStep(builder: ProgramBuilder, values: readonly Value[], choices: Choices): Value | undefined {
  const x = values[values.length - 1 - choices.below(Math.min(values.length, 6))]
  const { shape } = x
  const fit = (value: Value, to: Shape): Value | undefined => fitted(builder, value, to)
  const each = (count: number): number[] => shape.map(() => choices.below(count))
  switch (choices.below(16)) {
    case 0:
      return builder.emit(choices.of(unary), [x], noParameters)[0]
    case 1: {
      const value = choices.of(constants)
      const constant = builder.emit('fill', [], { shape, dtype: x.dtype, value })[0]
      const operands = choices.flag() ? [x, constant] : [constant, x]
      return builder.emit(choices.of(binary), operands, noParameters)[0]
    }
    case 2:
    case 3: {
      const y = fit(choices.of(values), shape)
      const operands = choices.flag() ? [x, y] : [y, x]
      const [a, b] = operands
      return a && b && builder.emit(choices.of(binary), [a, b], noParameters)[0]
    }
    case 4: {
      const order = shape.map((_, axis) => axis)
      const permutation = shape.map(() => order.splice(choices.below(order.length), 1)[0])
      return builder.emit('transpose', [x], { permutation })[0]
    }
    case 5: {
      const flat = [sizeOf(shape)]
      const merged = shape.length > 1 ? [shape[0] * shape[1], ...shape.slice(2)] : flat
      const split = flat[0] % 2 === 0 ? [2, flat[0] / 2] : flat
      return builder.emit('reshape', [x], { shape: choices.of([flat, merged, split, [1, ...shape, 1]]) })[0]
    }
    case 6: {
      const starts = shape.map((extent) => choices.below(extent))
      const limits = shape.map((extent, axis) => starts[axis] + choices.below(extent - starts[axis] + 1))
      return builder.emit('slice', [x], { starts, limits, strides: each(2).map((n) => n + 1) })[0]
    }
    case 7: {
      const along = choices.below(shape.length + 1)
      const only = (counts: number[]): number[] =>
        counts.map((n, a) => (along === shape.length || a === along ? n : 0))
      return builder.emit('pad', [x], { low: only(each(3)), high: only(each(3)), interior: only(each(2)) })[0]
    }
    case 8: {
      if (shape.length === 0) return undefined
      const axis = choices.below(shape.length)
      const joins = values.filter(
        (y) => y.shape.length === shape.length && y.shape.every((n, a) => a === axis || n === shape[a]),
      )
      const parts = Array.from({ length: 1 + choices.below(3) }, () => choices.of(joins))
      return builder.emit('concatenate', [x, ...parts], { axis })[0]
    }
    case 13: {
      const y = fit(choices.of(values), shape)
      if (y === undefined) return undefined
      const [condition] = builder.emit(choices.of(['less', 'lessEqual']), [x, y], noParameters)
      return builder.emit('select', choices.flag() ? [condition, x, y] : [condition, y, x], noParameters)[0]
    }
    case 14: {
      const axis = choices.below(shape.length)
      if (shape.length === 0 || shape[axis] === 0) return undefined
      const [indices] = builder.emit('iota', [], { shape: [1 + choices.below(4)], dtype: 'int32', axis: 0 })
      return builder.emit('gather', [x, indices], { axis })[0]
    }
    case 15: {
      const axis = choices.below(shape.length)
      if (shape.length === 0 || shape[axis] === 0) return undefined
      const [indices] = builder.emit('iota', [], { shape: [shape[axis]], dtype: 'int32', axis: 0 })
      const [twice] = builder.emit('add', [indices, indices], noParameters)
      return builder.emit('scatterAdd', [x, twice, x], { axis })[0]
    }
    case 9: {
      const axes = shape.flatMap((_, axis) => (choices.flag() ? [axis] : []))
      return builder.emit(choices.of(['reduceSum', 'reduceMax']), [x], { axes })[0]
    }
    case 10: {
      const position = choices.below(shape.length + 1)
      const stretched = [...shape.slice(0, position), 2 + choices.below(2), ...shape.slice(position)]
      const axes = shape.map((_, axis) => (axis < position ? axis : axis + 1))
      return builder.emit('broadcast', [x], { shape: stretched, axes })[0]
    }
    default: {
      const y = choices.of(values)
      const axes = randomAxes(x, y, choices)
      const product = builder.emit('dot', [x, y], axes)[0]
      if (sizeOf(product.shape) > largestSize || choices.below(3) > 0) return product
      const accumulator = fit(choices.of(values), product.shape)
      return accumulator && builder.emit('dot', [x, y, accumulator], axes)[0]
    }
  }
}

/** A program and values for its inputs. */
export interface RandomProgram {
  readonly program: Program
  readonly inputs: readonly TypedArray[]
}

function caseOf(
  dtype: FloatDtype,
  numbers: readonly number[],
  steps: readonly (readonly number[])[],
  outputs: readonly number[],
): RandomProgram {
  const choices = new Choices(numbers)
  const builder = new ProgramBuilder('random')
  const extents = [2, 3, 1, 4, 2, 3, choices.below(8) === 1 ? 0 : 2]
  const shapes = Array.from({ length: 2 + choices.below(3) }, () =>
    Array.from({ length: choices.below(4) }, () => choices.of(extents)),
  )
  const values = shapes.map((shape) => builder.input({ shape, dtype }))
  for (const step of steps) {
    const value = randomStep(builder, values, new Choices(step))
    if (value !== undefined && sizeOf(value.shape) <= largestSize) values.push(value)
  }
  const results = outputs.map((output) => values[values.length - 1 - (output % values.length)])
  // Eighths in [−2, 2]: sums of few products are exact, so accumulation in another order changes little.
  const inputs = shapes.map((shape, i) =>
    typedArrayFrom(
      dtype,
      Array.from({ length: sizeOf(shape) }, (_, j) => (((j * 7 + i * 13 + numbers[0]) % 33) - 16) / 8),
    ),
  )
  return { program: builder.finish(results), inputs }
}

const number = fc.nat(9999)

/** Well-typed random programs with inputs; a failing one shrinks to few equations. */
export const randomProgram = (dtype: FloatDtype): fc.Arbitrary<RandomProgram> =>
  fc
    .tuple(
      fc.array(number, { minLength: 20, maxLength: 20 }),
      fc.array(fc.array(number, { minLength: 12, maxLength: 12 }), { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }),
    )
    .map(([numbers, steps, outputs]) => caseOf(dtype, numbers, steps, outputs))
