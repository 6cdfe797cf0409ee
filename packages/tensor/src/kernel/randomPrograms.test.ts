/**
 * Each pass, and lowering with its memory plan, keep the meaning of random float64 programs. The oracle is the
 * equation-by-equation evaluation of the reference backend. Programs are made of lists of choices, so that
 * fast-check shrinks a failing one to few equations; they lean towards movement, products and reductions, which
 * is where fusion can go wrong.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TypedArray } from '../dtype.ts'
import { optimise, passes } from '../passes/optimise.ts'
import { noParameters } from '../program/primitive.ts'
import type { DotAxes } from '../program/primitive.ts'
import type { Program, Value } from '../program/program.ts'
import { ProgramBuilder } from '../program/programBuilder.ts'
import { checkProgram } from '../program/programChecker.ts'
import { printProgram } from '../program/programPrinter.ts'
import { evaluateProgram } from '../reference/evaluationRules.ts'
import { interpretKernels } from '../reference/kernelInterpreter.ts'
import type { Shape } from '../shape.ts'
import { sameShape, sizeOf } from '../shape.ts'
import { checkKernelProgram } from './checkKernelProgram.ts'
import { checkMemoryPlan } from './checkMemoryPlan.ts'
import { lower } from './lower.ts'
import { planMemory } from './memoryPlan.ts'

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
  switch (choices.below(13)) {
    case 0:
      return builder.emit(choices.of(unary), [x], noParameters)[0]
    case 1: {
      const value = choices.of(constants)
      const constant = builder.emit('fill', [], { shape, dtype: 'float64', value })[0]
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

interface Case {
  readonly program: Program
  readonly inputs: readonly TypedArray[]
}

function caseOf(
  numbers: readonly number[],
  steps: readonly (readonly number[])[],
  outputs: readonly number[],
): Case {
  const choices = new Choices(numbers)
  const builder = new ProgramBuilder('random')
  const extents = [2, 3, 1, 4, 2, 3, choices.below(8) === 1 ? 0 : 2]
  const shapes = Array.from({ length: 2 + choices.below(3) }, () =>
    Array.from({ length: choices.below(4) }, () => choices.of(extents)),
  )
  const values = shapes.map((shape) => builder.input({ shape, dtype: 'float64' }))
  for (const step of steps) {
    const value = randomStep(builder, values, new Choices(step))
    if (value !== undefined && sizeOf(value.shape) <= largestSize) values.push(value)
  }
  const results = outputs.map((output) => values[values.length - 1 - (output % values.length)])
  // Eighths in [−2, 2]: sums of few products are exact, so accumulation in another order changes little.
  const inputs = shapes.map((shape, i) =>
    Float64Array.from({ length: sizeOf(shape) }, (_, j) => (((j * 7 + i * 13 + numbers[0]) % 33) - 16) / 8),
  )
  return { program: builder.finish(results), inputs }
}

const number = fc.nat(9999)
const cases = fc
  .tuple(
    fc.array(number, { minLength: 20, maxLength: 20 }),
    fc.array(fc.array(number, { minLength: 12, maxLength: 12 }), { minLength: 1, maxLength: 40 }),
    fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }),
  )
  .map(([numbers, steps, outputs]) => caseOf(numbers, steps, outputs))

const evaluate = ({ program, inputs }: Case): TypedArray[] =>
  evaluateProgram(
    program,
    inputs.map((data, i) => ({ data, ...program.inputs[i] })),
  ).map(({ data }) => data)

/** Equal up to rounding of sums in another order; results beyond 1e8 have cancelled too much to compare. */
function expectSame(got: readonly TypedArray[], wanted: readonly TypedArray[], text: () => string): void {
  const magnitude = Math.max(
    1,
    ...wanted.flatMap((array) => [...array].map(Math.abs)).filter(Number.isFinite),
  )
  if (magnitude > 1e8) return
  wanted.forEach((array, output) => {
    const agrees = array.every((value, i) => {
      const other = got[output][i]
      return Object.is(value, other) || value === other || Math.abs(value - other) <= 1e-9 * magnitude
    })
    if (agrees && array.length === got[output].length) return
    expect.fail(`output ${output}: ${array.join(' ')} became ${got[output].join(' ')}\n${text()}`)
  })
}

function expectLoweredSame(program: Program, inputs: readonly TypedArray[], donate: readonly number[]): void {
  const wanted = evaluate({ program, inputs })
  const kernels = checkKernelProgram(lower(program))
  const plan = checkMemoryPlan(kernels, planMemory(kernels, donate))
  const copies = inputs.map((input) => input.slice())
  expectSame(interpretKernels(kernels, plan, copies), wanted, () => printProgram(program))
}

describe('random programs', () => {
  it.each(Object.entries(passes))('mean the same after %s', (_, pass) => {
    fc.assert(
      fc.property(cases, ({ program, inputs }) => {
        const after = checkProgram(pass(program))
        expectSame(evaluate({ program: after, inputs }), evaluate({ program, inputs }), () =>
          printProgram(program),
        )
      }),
      { numRuns: 800 },
    )
  })

  it('mean the same after all passes, which then have nothing left to do', () => {
    fc.assert(
      fc.property(cases, ({ program, inputs }) => {
        const after = checkProgram(optimise(program))
        expectSame(evaluate({ program: after, inputs }), evaluate({ program, inputs }), () =>
          printProgram(program),
        )
        expect(optimise(after)).toBe(after)
      }),
      { numRuns: 800 },
    )
  })

  it('mean the same as kernels, with and without passes and donation', () => {
    fc.assert(
      fc.property(cases, fc.boolean(), fc.boolean(), ({ program, inputs }, optimised, donated) => {
        const donate = donated ? inputs.map((_, position) => position) : []
        expectLoweredSame(optimised ? optimise(program) : program, inputs, donate)
      }),
      { numRuns: 2000 },
    )
  })
})
