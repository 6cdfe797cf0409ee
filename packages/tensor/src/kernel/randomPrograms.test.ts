/**
 * Each pass, and lowering with its memory plan, keep the meaning of random float64 programs. The oracle is the
 * equation-by-equation evaluation of the reference backend.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TypedArray } from '../dtype.ts'
import { optimise, passes } from '../passes/optimise.ts'
import type { Program } from '../program/program.ts'
import { checkProgram } from '../program/programChecker.ts'
import { printProgram } from '../program/programPrinter.ts'
import { evaluateProgram } from '../reference/evaluationRules.ts'
import { interpretKernels } from '../reference/kernelInterpreter.ts'
import type { RandomProgram } from '../testing/randomProgram.ts'
import { randomProgram } from '../testing/randomProgram.ts'
import { checkKernelProgram } from './checkKernelProgram.ts'
import { checkMemoryPlan } from './checkMemoryPlan.ts'
import type { KernelProgram } from './kernel.ts'
import { printKernelProgram } from './kernelPrinter.ts'
import type { LowerOptions } from './lower.ts'
import { lower } from './lower.ts'
import { planMemory } from './memoryPlan.ts'

const cases = randomProgram('float64')

const evaluate = ({ program, inputs }: RandomProgram): TypedArray[] =>
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

function expectLoweredSame(
  program: Program,
  inputs: readonly TypedArray[],
  donate: readonly number[],
  options: LowerOptions,
): KernelProgram {
  const wanted = evaluate({ program, inputs })
  const kernels = checkKernelProgram(lower(program, options))
  const plan = checkMemoryPlan(kernels, planMemory(kernels, donate))
  const copies = inputs.map((input) => input.slice())
  expectSame(interpretKernels(kernels, plan, copies), wanted, () =>
    [printProgram(program), printKernelProgram(kernels)].join('\n'),
  )
  return kernels
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
        expectLoweredSame(optimised ? optimise(program) : program, inputs, donate, {})
      }),
      { numRuns: 2000 },
    )
  })

  it('mean the same as kernels whose products have prologues, which need no kernel more', () => {
    let prologues = 0
    fc.assert(
      fc.property(cases, fc.boolean(), fc.boolean(), ({ program, inputs }, optimised, donated) => {
        const donate = donated ? inputs.map((_, position) => position) : []
        const ready = optimised ? optimise(program) : program
        const { kernels } = expectLoweredSame(ready, inputs, donate, { productPrologues: true })
        expect(kernels.length).toBeLessThanOrEqual(lower(ready).kernels.length)
        for (const kernel of kernels) {
          if (kernel.kind !== 'dot') continue
          prologues += [kernel.lhs, kernel.rhs].filter(({ kind }) => kind === 'prologue').length
        }
      }),
      { numRuns: 2000 },
    )
    expect(prologues).toBeGreaterThan(5)
  })
})
