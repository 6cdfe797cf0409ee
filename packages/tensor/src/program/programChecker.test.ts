// Every invariant of a program is broken by hand, one at a time; the checker must name it.
import { describe, expect, it } from 'vitest'
import { ProgramError, TensorError } from '../errors.ts'
import { noParameters } from './primitive.ts'
import type { Equation, Program, Value } from './program.ts'
import { ProgramBuilder } from './programBuilder.ts'
import { checkProgram } from './programChecker.ts'

const value = (id: number, shape: readonly number[] = [2]): Value => ({ id, shape, dtype: 'float32' })
const negate = (input: Value, output: Value): Equation => ({
  primitive: 'negate',
  inputs: [input],
  parameters: noParameters,
  outputs: [output],
})
const program = (inputs: Value[], equations: Equation[], outputs: Value[]): Program => ({
  name: 'p',
  inputs,
  equations,
  outputs,
})

describe('checkProgram', () => {
  const [a, b, c] = [value(0), value(1), value(2)]

  it('returns a program that keeps every invariant', () => {
    const good = program([a], [negate(a, b), negate(b, c)], [c, a, c])
    expect(checkProgram(good)).toBe(good)
    expect(checkProgram(program([], [], [])).equations).toEqual([])
  })

  it.each<[string, Program, RegExp]>([
    [
      'use before definition',
      program([a], [negate(b, c), negate(a, b)], [c]),
      /equation 0 \(negate\): value 1 is used before/,
    ],
    ['an undefined output', program([a], [], [b]), /output 0: value 1 is used before/],
    [
      'a second definition',
      program([a], [negate(a, b), negate(a, b)], [b]),
      /equation 1 \(negate\): value 1 is defined twice/,
    ],
    ['an equation that defines an input', program([a], [negate(a, a)], [a]), /value 0 is defined twice/],
    ['one input twice', program([a, a], [], [a]), /input 1: value 0 is defined twice/],
    ['a shared id', program([a], [negate(a, value(0))], [a]), /two values share the id 0/],
    ['a lookalike of a value', program([a], [negate(value(0), b)], [b]), /value 0 is used before/],
    [
      'a wrong result shape',
      program([a], [negate(a, value(1, [3]))], [a]),
      /must have the types float32\[2\]/,
    ],
    [
      'a missing output',
      program([a], [{ primitive: 'negate', inputs: [a], parameters: noParameters, outputs: [] }], [a]),
      /must have the types float32\[2\]/,
    ],
    [
      'a broken shape rule',
      program(
        [a],
        [{ primitive: 'reshape', inputs: [a], parameters: { shape: [3] }, outputs: [value(1, [3])] }],
        [a],
      ),
      /breaks its shape rule \(reshape: the number of elements/,
    ],
  ])('refuses %s, naming the place and showing the program', (_, broken, message) => {
    expect(() => checkProgram(broken)).toThrow(ProgramError)
    expect(() => checkProgram(broken)).toThrow(message)
    expect(() => checkProgram(broken)).toThrow(/p\(.*\) \{/)
  })

  it('looks into called programs', () => {
    const builder = new ProgramBuilder('outer')
    const x = builder.input({ shape: [2], dtype: 'float32' })
    const broken = program([a], [negate(a, b), negate(a, b)], [b])
    const outer = builder.finish(builder.emit('call', [x], { program: broken }))
    expect(() => checkProgram(outer)).toThrow(/program p, equation 1/)
  })

  it('keeps the error of the shape rule as its cause', () => {
    const broken = program(
      [a],
      [{ primitive: 'transpose', inputs: [a], parameters: { permutation: [1] }, outputs: [b] }],
      [b],
    )
    let caught: unknown
    try {
      checkProgram(broken)
    } catch (error) {
      caught = error
    }
    expect((caught as ProgramError).cause).toBeInstanceOf(TensorError)
  })
})

describe('ProgramBuilder', () => {
  it('inlines a program with its inputs replaced, outputs that are inputs included', () => {
    const inner = new ProgramBuilder('inner')
    const [p, q] = [
      inner.input({ shape: [2], dtype: 'float32' }),
      inner.input({ shape: [2], dtype: 'float32' }),
    ]
    const [difference] = inner.emit('subtract', [p, q], noParameters)
    const innerProgram = inner.finish([difference, q, difference])

    const outer = new ProgramBuilder('outer')
    const x = outer.input({ shape: [2], dtype: 'float32' })
    const [y] = outer.emit('exp', [x], noParameters)
    const results = outer.inline(innerProgram, [y, x])
    const outerProgram = checkProgram(outer.finish(results))
    expect(results[1]).toBe(x)
    expect(results[2]).toBe(results[0])
    expect(outerProgram.equations.map(({ primitive }) => primitive)).toEqual(['exp', 'subtract'])
    expect(outerProgram.equations[1].inputs).toEqual([y, x])
  })

  it('does not change a program that it has handed out', () => {
    const builder = new ProgramBuilder('growing')
    const x = builder.input({ shape: [], dtype: 'float32' })
    const before = builder.finish(builder.emit('negate', [x], noParameters))
    builder.emit('exp', [x], noParameters)
    expect(before.equations).toHaveLength(1)
  })
})
