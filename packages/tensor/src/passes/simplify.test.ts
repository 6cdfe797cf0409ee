/** Each rule of `simplify` on the smallest program that shows it, as text. */
import { describe, expect, it } from 'vitest'
import { add, and, divide, maximum, multiply, or, power, select, subtract } from '../operations/arithmetic.ts'
import { full, iota, ones, zeros } from '../operations/creation.ts'
import { dot, dotGeneral } from '../operations/dot.ts'
import { abs, convert, exp, negate, not, stopGradient, tanh } from '../operations/elementary.ts'
import { broadcastTo, concatenate, pad, reshape, slice, transpose } from '../operations/movement.ts'
import { max, sum } from '../operations/reduction.ts'
import { checkProgram } from '../program/programChecker.ts'
import { printProgram } from '../program/programPrinter.ts'
import type { TensorType } from '../program/program.ts'
import type { Tensor } from '../tensor.ts'
import { traceClosed } from '../trace.ts'
import { eliminateDeadCode } from './eliminateDeadCode.ts'
import { simplify } from './simplify.ts'

const float = (...shape: number[]): TensorType => ({ shape, dtype: 'float32' })
const bool = (...shape: number[]): TensorType => ({ shape, dtype: 'bool' })

/** The lines of the simplified program between its head and its end. */
function simplified(types: readonly TensorType[], body: (inputs: readonly Tensor[]) => Tensor): string[] {
  const program = eliminateDeadCode(simplify(traceClosed('f', types, (inputs) => [body(inputs)])))
  return printProgram(checkProgram(program))
    .split('\n')
    .slice(1, -1)
    .map((line) => line.trim())
}

const unchanged = (types: readonly TensorType[], body: (inputs: readonly Tensor[]) => Tensor): void => {
  const program = traceClosed('f', types, (inputs) => [body(inputs)])
  expect(simplify(program)).toBe(program)
}

describe('algebra', () => {
  it.each<[string, (x: Tensor) => Tensor]>([
    ['x + 0', (x) => add(x, 0)],
    ['0 + x', (x) => add(0, x)],
    ['x − 0', (x) => subtract(x, 0)],
    ['x · 1', (x) => multiply(x, 1)],
    ['x / 1', (x) => divide(x, 1)],
    ['x¹', (x) => power(x, 1)],
    ['−(−x)', (x) => negate(negate(x))],
    ['max(x, x)', (x) => maximum(x, x)],
    ['stopGradient(x)', stopGradient],
    ['convert(x) to its own dtype', (x) => convert(x, 'float32')],
    ['a select of equal branches', (x) => select(x.multiply(2).convert('bool'), x, x)],
    ['a select with a true condition', (x) => select(ones([3], 'bool'), x, exp(x))],
    ['a select with a false condition', (x) => select(zeros([3], 'bool'), exp(x), x)],
  ])('%s is x', (_, body) => {
    expect(simplified([float(3)], ([x]) => body(x))).toEqual(['return a'])
  })

  it.each<[string, (x: Tensor, y: Tensor) => Tensor, string]>([
    ['x + (−y)', (x, y) => x.add(y.negate()), 'subtract(a, b)'],
    ['(−x) + y', (x, y) => x.negate().add(y), 'subtract(b, a)'],
    ['x − (−y)', (x, y) => x.subtract(y.negate()), 'add(a, b)'],
    ['(−x)·(−y)', (x, y) => x.negate().multiply(y.negate()), 'multiply(a, b)'],
    ['−(x − y)', (x, y) => x.subtract(y).negate(), 'subtract(b, a)'],
    ['0 − x', (x) => subtract(0, x), 'negate(a)'],
    ['x · −1', (x) => multiply(x, -1), 'negate(a)'],
    ['x²', (x) => power(x, 2), 'multiply(a, a)'],
    ['|−x|', (x) => abs(negate(x)), 'abs(a)'],
  ])('%s is one operation', (_, body, expected) => {
    const lines = simplified([float(3), float(3)], ([x, y]) => body(x, y))
    expect(lines).toEqual([`c: float32[3] = ${expected}`, 'return c'])
  })

  it('divides by powers of two by multiplying, which is exact, and by nothing else', () => {
    expect(simplified([float()], ([x]) => divide(x, 8))).toContain('b: float32[] = fill() 0.125')
    unchanged([float()], ([x]) => divide(x, 3))
  })

  it('keeps NaN · 0 and ∞ · 0', () => {
    unchanged([float()], ([x]) => multiply(x, 0))
    expect(simplified([{ shape: [], dtype: 'int32' }], ([x]) => multiply(x, 0))).toEqual([
      'b: int32[] = fill() 0',
      'return b',
    ])
  })

  it('knows the constants of and, or and not', () => {
    expect(
      simplified([bool(2)], ([p]) => and(or(not(not(p)), zeros([2], 'bool')), ones([2], 'bool'))),
    ).toEqual(['return a'])
  })
})

describe('movement', () => {
  it('composes transposes, reshapes, slices, pads and broadcasts', () => {
    const moved = simplified([float(4, 6)], ([x]) => {
      const y = transpose(transpose(x, [1, 0]), [1, 0])
      const z = reshape(reshape(y, [2, 12]), [24])
      return slice(slice(z, [2], [20], [3]), [1], [6], [2])
    })
    expect(moved).toEqual(['b: float32[24] = reshape(a)', 'c: float32[3] = slice(b) 5:18:6', 'return c'])
    const stretched = simplified([float(3)], ([x]) => broadcastTo(broadcastTo(x, [2, 3]), [4, 2, 3]))
    expect(stretched).toEqual(['b: float32[4,2,3] = broadcast(a) axes [2]', 'return b'])
    const padded = simplified([float(2, 2)], ([x]) => pad(pad(x, [1, 0], [0, 1]), [0, 2], [3, 0]))
    expect(padded[0]).toBe('b: float32[6,5] = pad(a) low [1,2] high [3,1] interior [0,0]')
  })

  it('drops what moves nothing', () => {
    const same = simplified([float(2, 3)], ([x]) =>
      concatenate([pad(slice(x.transpose([0, 1]), [0, 0], [2, 3]), [0, 0], [0, 0])], 1),
    )
    expect(same).toEqual(['return a'])
  })

  it('moves constants by making them', () => {
    const moved = simplified([], () =>
      transpose(broadcastTo(full([1, 3], 7), [2, 3]))
        .reshape([6])
        .slice([1], [5]),
    )
    expect(moved).toEqual(['a: float32[4] = fill() 7', 'return a'])
  })

  it('takes slices out of concatenations and puts neighbouring slices together', () => {
    expect(simplified([float(3), float(4)], ([x, y]) => concatenate([x, y]).slice([3], [7]))).toEqual([
      'return b',
    ])
    expect(simplified([float(3), float(4)], ([x, y]) => concatenate([x, y]).slice([4], [6]))).toEqual([
      'c: float32[2] = slice(b) 1:3',
      'return c',
    ])
    expect(simplified([float(9)], ([x]) => concatenate([x.slice([0], [4]), x.slice([4], [9])]))).toEqual([
      'return a',
    ])
  })
})

describe('sums of padded parts', () => {
  it('are one concatenation', () => {
    const lines = simplified([float(3), float(2), float(4)], ([x, y, z]) =>
      pad(x, [0], [6])
        .add(pad(z, [5], [0]))
        .add(pad(y, [3], [4])),
    )
    expect(lines).toEqual(['d: float32[9] = concatenate(a, b, c) along 0', 'return d'])
  })

  it('add up where they overlap and keep zeros where nothing is', () => {
    const lines = simplified([float(3), float(3)], ([x, y]) => pad(x, [0], [3]).add(pad(y, [2], [1])))
    expect(lines).toEqual([
      'c: float32[1] = slice(b) 0:1',
      'd: float32[2] = slice(a) 0:2',
      'e: float32[1] = slice(a) 2:3',
      'f: float32[1] = add(e, c)',
      'g: float32[2] = slice(b) 1:3',
      'h: float32[1] = fill() 0',
      'i: float32[6] = concatenate(d, f, g, h) along 0',
      'return i',
    ])
  })
})

describe('reductions', () => {
  it('of broadcasts multiply by the count', () => {
    expect(simplified([float(3)], ([x]) => sum(broadcastTo(x, [4, 3]), 0))).toEqual([
      'b: float32[3] = fill() 4',
      'c: float32[3] = multiply(a, b)',
      'return c',
    ])
    expect(simplified([float(1, 3)], ([x]) => max(broadcastTo(x, [4, 3]), 0))).toEqual([
      'b: float32[3] = reshape(a)',
      'return b',
    ])
  })

  it('of reductions are one, and see neither reshapes nor the order of axes', () => {
    expect(simplified([float(2, 3, 4)], ([x]) => sum(sum(x, 1)))).toEqual([
      'b: float32[] = reduceSum(a) over [0,1,2]',
      'return b',
    ])
    expect(simplified([float(2, 3)], ([x]) => sum(x.transpose().reshape([6])))).toEqual([
      'b: float32[] = reduceSum(a) over [0,1]',
      'return b',
    ])
    expect(simplified([float(2, 3)], ([x]) => sum(x.transpose(), 0))).toEqual([
      'b: float32[2] = reduceSum(a) over [1]',
      'return b',
    ])
  })

  it('over axes of extent 1 are reshapes', () => {
    expect(simplified([float(2, 1)], ([x]) => sum(x, 1))).toEqual(['b: float32[2] = reshape(a)', 'return b'])
  })
})

describe('products', () => {
  it('of transposed operands name other axes', () => {
    expect(simplified([float(4, 2), float(3, 4)], ([a, b]) => dot(a.transpose(), b.transpose()))).toEqual([
      'c: float32[2,3] = dot(a, b) contract [0]×[1]',
      'return c',
    ])
  })

  it('that are transposed exchange their operands', () => {
    expect(simplified([float(2, 4), float(4, 3)], ([a, b]) => dot(a, b).transpose())).toEqual([
      'c: float32[3,2] = dot(b, a) contract [0]×[1]',
      'return c',
    ])
    const batched = simplified([float(5, 2, 4), float(5, 4, 3)], ([a, b]) =>
      dotGeneral(a, b, { lhsBatch: [0], rhsBatch: [0], lhsContract: [2], rhsContract: [1] }).transpose([
        0, 2, 1,
      ]),
    )
    expect(batched[0]).toBe('c: float32[5,3,2] = dot(b, a) batch [0]×[0] contract [1]×[2]')
  })

  it('without free axes are inner products', () => {
    const lines = simplified([float(2, 3), float(3, 2)], ([a, b]) =>
      dotGeneral(a, b, { lhsContract: [0, 1], rhsContract: [1, 0] }),
    )
    expect(lines).toEqual([
      'c: float32[2,3] = transpose(b) [1,0]',
      'd: float32[2,3] = multiply(a, c)',
      'e: float32[] = reduceSum(d) over [0,1]',
      'return e',
    ])
  })

  it('accumulate when they are added, also through biases and factors', () => {
    const types = [float(2, 4), float(4, 3), float(2, 5), float(5, 3), float(3)]
    expect(simplified(types, ([a, v, b, w, c]) => dot(a, v).add(c).add(dot(b, w)))).toEqual([
      'f: float32[2,3] = dot(a, b) contract [1]×[0]',
      'g: float32[2,3] = broadcast(e) axes [1]',
      'h: float32[2,3] = add(f, g)',
      'i: float32[2,3] = dot(c, d, h) contract [1]×[0]',
      'return i',
    ])
    const three = simplified(types, ([a, v, b, w]) => dot(a, v).add(dot(b, w).add(dot(a.add(1), v))))
    expect(three.filter((line) => /dot\(\w+, \w+, \w+\)/.test(line))).toHaveLength(2)
    expect(three.filter((line) => line.includes(' add(') && line.includes('[2,3]'))).toEqual([])
  })

  it('do not accumulate onto what is used elsewhere or is no product', () => {
    unchanged([float(2, 4), float(4, 3), float(2, 3)], ([a, v, c]) => dot(a, v).add(c))
    unchanged([float(2, 4), float(4, 3)], ([a, v]) => {
      const product = dot(a, v)
      return product.add(tanh(product))
    })
  })
})

describe('operations on concatenations', () => {
  it('are done on the parts', () => {
    const lines = simplified([float(2), float(3), float(5)], ([x, y, z]) => concatenate([x, y]).multiply(z))
    expect(lines).toEqual([
      'd: float32[2] = slice(c) 0:2',
      'e: float32[2] = multiply(a, d)',
      'f: float32[3] = slice(c) 2:5',
      'g: float32[3] = multiply(b, f)',
      'h: float32[5] = concatenate(e, g) along 0',
      'return h',
    ])
  })

  it('are left alone where the whole is used elsewhere', () => {
    unchanged([float(2), float(3)], ([x, y]) => {
      const whole = concatenate([x, y])
      return whole.add(tanh(whole))
    })
  })
})

describe('a simplified program', () => {
  it('is returned as it is', () => {
    unchanged([float(2, 3)], ([x]) => tanh(x).multiply(iota([2, 3], 1)))
  })
})
