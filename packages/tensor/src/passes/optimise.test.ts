/** The passes other than `simplify`, and all of them together, on programs as text. */
import { describe, expect, it } from 'vitest'
import { add, less, maximum, multiply, select } from '../operations/arithmetic.ts'
import { full, zeros } from '../operations/creation.ts'
import { dot } from '../operations/dot.ts'
import { convert, exp, tanh } from '../operations/elementary.ts'
import { max, sum } from '../operations/reduction.ts'
import { checkProgram } from '../program/programChecker.ts'
import { printProgram } from '../program/programPrinter.ts'
import { ProgramBuilder } from '../program/programBuilder.ts'
import type { Program, TensorType } from '../program/program.ts'
import type { Tensor } from '../tensor.ts'
import { traceClosed } from '../trace.ts'
import { eliminateCommonSubexpressions } from './eliminateCommonSubexpressions.ts'
import { eliminateDeadCode } from './eliminateDeadCode.ts'
import { foldConstants } from './foldConstants.ts'
import { inlineCalls } from './inlineCalls.ts'
import { optimise } from './optimise.ts'

const float = (...shape: number[]): TensorType => ({ shape, dtype: 'float32' })
const trace = (types: readonly TensorType[], body: (inputs: readonly Tensor[]) => Tensor[]): Program =>
  traceClosed('f', types, body)
const bodyOf = (program: Program): string[] =>
  printProgram(checkProgram(program))
    .split('\n')
    .slice(1, -1)
    .map((line) => line.trim())

describe('inlineCalls', () => {
  it('replaces calls at every depth by what they do', () => {
    const inner = trace([float(2)], ([x]) => [tanh(x), exp(x)])
    const outer = new ProgramBuilder('outer')
    const x = outer.input(float(2))
    const [t, e] = outer.emit('call', [x], { program: inner })
    const middle = outer.finish([outer.emit('add', [t, e], {})[0], x])
    const top = new ProgramBuilder('top')
    const y = top.input(float(2))
    const results = top.emit('call', [top.emit('negate', [y], {})[0]], { program: middle })
    expect(bodyOf(inlineCalls(top.finish(results)))).toEqual([
      'b: float32[2] = negate(a)',
      'c: float32[2] = tanh(b)',
      'd: float32[2] = exp(b)',
      'e: float32[2] = add(c, d)',
      'return e, b',
    ])
  })

  it('returns a program without calls as it is', () => {
    const program = trace([float(2)], ([x]) => [tanh(x)])
    expect(inlineCalls(program)).toBe(program)
  })
})

describe('eliminateDeadCode', () => {
  it('drops what no output needs and keeps the inputs', () => {
    const program = trace([float(2), float(2)], ([x, y]) => {
      exp(tanh(y))
      return [tanh(x)]
    })
    const live = eliminateDeadCode(program)
    expect(bodyOf(live)).toEqual(['c: float32[2] = tanh(a)', 'return c'])
    expect(live.inputs).toHaveLength(2)
    expect(eliminateDeadCode(live)).toBe(live)
  })
})

describe('eliminateCommonSubexpressions', () => {
  it('merges equal applications, in either order of commutative operands', () => {
    const program = trace([float(2), float(2)], ([x, y]) => [
      tanh(x.add(y)),
      tanh(y.add(x)),
      sum(maximum(x, y), 0),
      sum(maximum(y, x), 0),
    ])
    expect(bodyOf(eliminateCommonSubexpressions(program))).toEqual([
      'c: float32[2] = add(a, b)',
      'd: float32[2] = tanh(c)',
      'e: float32[2] = maximum(a, b)',
      'f: float32[] = reduceSum(e) over [0]',
      'return d, d, f, f',
    ])
  })

  it('keeps applications apart that differ in operands, order or parameters', () => {
    const program = trace([float(2, 2), float(2, 2)], ([x, y]) => [
      x.subtract(y),
      y.subtract(x),
      sum(x, 0),
      sum(x, 1),
      dot(x, y),
      dot(y, x),
      full([], 0),
      full([], -0),
      full([], NaN),
      full([], Infinity),
      full([], -Infinity),
    ])
    expect(eliminateCommonSubexpressions(program)).toBe(program)
  })
})

describe('foldConstants', () => {
  it('computes what depends on constants alone, rounded as the dtype rounds', () => {
    const program = trace([], () => [
      add(full([2], 0.1), full([2], 0.2)),
      multiply(full([], 2 ** 31 - 1, 'int32'), full([], 2, 'int32')),
      convert(full([], -3.7), 'int32'),
      convert(full([], 0.5), 'bool'),
      select(less(full([], 1), full([], 2)), full([], 3), full([], 4)),
    ])
    expect(bodyOf(eliminateDeadCode(foldConstants(program)))).toEqual([
      `a: float32[2] = fill() ${Math.fround(Math.fround(0.1) + Math.fround(0.2))}`,
      'b: int32[] = fill() -2',
      'c: int32[] = fill() -3',
      'd: bool[] = fill() 1',
      'e: float32[] = fill() 3',
      'return a, b, c, d, e',
    ])
  })

  it('computes sums and maxima of constants and of nothing', () => {
    const program = trace([], () => [
      sum(full([2, 3], 0.5)),
      sum(zeros([0, 2]), 0),
      max(full([2, 3], 7), 1),
      max(zeros([0, 2], 'int32'), 0),
    ])
    expect(
      bodyOf(eliminateDeadCode(foldConstants(program))).filter((line) => !line.startsWith('return')),
    ).toEqual([
      'a: float32[] = fill() 3',
      'b: float32[2] = fill() 0',
      'c: float32[2] = fill() 7',
      'd: int32[2] = fill() -2147483648',
    ])
  })

  it('leaves everything else', () => {
    const program = trace([float(2)], ([x]) => [x.add(1)])
    expect(foldConstants(program)).toBe(program)
  })
})

describe('optimise', () => {
  it('reaches a fixed point that it leaves alone', () => {
    const program = trace([float(4, 3), float(3, 2)], ([x, w]) => {
      const h = tanh(dot(x, w).add(0))
      const g = tanh(dot(x, w))
      return [h.add(g).multiply(1), sum(h.subtract(g).multiply(full([], 2).add(-1)))]
    })
    const optimised = optimise(program)
    expect(bodyOf(optimised)).toEqual([
      'c: float32[4,2] = dot(a, b) contract [1]×[0]',
      'd: float32[4,2] = tanh(c)',
      'e: float32[4,2] = add(d, d)',
      'f: float32[4,2] = subtract(d, d)',
      'g: float32[] = reduceSum(f) over [0,1]',
      'return e, g',
    ])
    expect(optimise(optimised)).toBe(optimised)
  })
})
