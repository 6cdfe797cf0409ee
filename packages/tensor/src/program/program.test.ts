// Oracles: golden text, and programs broken by hand in one way each.
import { describe, expect, it } from 'vitest'
import {
  ArgumentError,
  DtypeError,
  ProgramError,
  ShapeError,
  checkProgram,
  printProgram,
  resultTypes,
  tanh,
  traceClosed,
} from '../index.ts'
import type { DotAxes, Program, TensorType } from '../index.ts'

const float = (...shape: number[]): TensorType => ({ shape, dtype: 'float32' })

const layer = traceClosed('layer', [float(2, 3), float(3, 4), float(4)], ([x, w, b]) => [
  tanh(x.dot(w).add(b)),
  x,
])

describe('printProgram', () => {
  it('writes a program the way an engineer would', () => {
    expect(printProgram(layer)).toBe(
      [
        'layer(a: float32[2,3], b: float32[3,4], c: float32[4]) {',
        '  d: float32[2,4] = dot(a, b) contract [1]×[0]',
        '  e: float32[2,4] = broadcast(c) axes [1]',
        '  f: float32[2,4] = add(d, e)',
        '  g: float32[2,4] = tanh(f)',
        '  return g, a',
        '}',
      ].join('\n'),
    )
  })
})

describe('checkProgram', () => {
  const [first, ...rest] = layer.equations
  it.each<[string, Program, RegExp]>([
    ['used before it is defined', { ...layer, equations: [...rest, first] }, /used before it is defined/],
    ['defined twice', { ...layer, equations: [first, ...layer.equations] }, /defined twice/],
    [
      'of another type than its rule gives',
      { ...layer, equations: [{ ...first, outputs: [{ ...first.outputs[0], shape: [9] }] }, ...rest] },
      /must have the types float32\[2,4\]/,
    ],
    [
      'returned and never made',
      { ...layer, outputs: [{ id: 99, ...float(1) }] },
      /output 0: value 99 is used before/,
    ],
    [
      'one of two with the same id',
      { ...layer, inputs: [...layer.inputs, { id: layer.inputs[0].id, ...float(1) }] },
      /share the id/,
    ],
    [
      'an operand that its rule refuses',
      { ...layer, equations: [{ ...first, inputs: [layer.inputs[0], layer.inputs[0]] }, ...rest] },
      /breaks its shape rule/,
    ],
  ])('finds a value that is %s, and shows the program', (_, broken, message) => {
    expect(() => checkProgram(broken)).toThrow(ProgramError)
    expect(() => checkProgram(broken)).toThrow(message)
    expect(() => checkProgram(broken)).toThrow(/layer\(a: float32/)
  })

  it('passes a sound one through', () => {
    expect(checkProgram(layer)).toBe(layer)
  })
})

describe('shape rules name the operation, what they were given and the rule', () => {
  const axes: DotAxes = { lhsBatch: [], rhsBatch: [], lhsContract: [1], rhsContract: [0] }
  const int: TensorType = { shape: [2], dtype: 'int32' }
  it.each<[string, () => unknown, new (...args: never[]) => Error, RegExp]>([
    [
      'a product of extents that differ',
      () => resultTypes('dot', [float(2, 3), float(4, 5)], axes),
      ShapeError,
      /dot: contracted axes must have equal extents; found \[2,3\] and \[4,5\]/,
    ],
    [
      'a sum of two dtypes',
      () => resultTypes('add', [float(2), int], {}),
      DtypeError,
      /add: both operands must have the same dtype; found float32\[2\] and int32\[2\]\. Convert/,
    ],
    [
      'the exponential of integers',
      () => resultTypes('exp', [int], {}),
      DtypeError,
      /exp: the operand must be of a float dtype/,
    ],
    [
      'a reshape to another size',
      () => resultTypes('reshape', [float(2, 3)], { shape: [5] }),
      ShapeError,
      /reshape: the number of elements must stay the same; found \[2,3\] to \[5\]/,
    ],
    [
      'a permutation with a repeated axis',
      () => resultTypes('transpose', [float(2, 3)], { permutation: [0, 0] }),
      ShapeError,
      /every axis once/,
    ],
    [
      'a slice beyond the end',
      () => resultTypes('slice', [float(3)], { starts: [0], limits: [4], strides: [1] }),
      ShapeError,
      /0 ≤ start ≤ limit ≤ extent/,
    ],
    [
      'a broadcast that shrinks',
      () => resultTypes('broadcast', [float(3)], { shape: [2], axes: [0] }),
      ShapeError,
      /stretch an extent of 1/,
    ],
    [
      'a negative extent',
      () => resultTypes('fill', [], { shape: [-1], dtype: 'float32', value: 0 }),
      ShapeError,
      /non-negative integer/,
    ],
    ['a missing operand', () => resultTypes('add', [float(2)], {}), ArgumentError, /takes 2 operands/],
    [
      'a gather from an empty axis',
      () => resultTypes('gather', [float(0), int], { axis: 0 }),
      ShapeError,
      /empty axis/,
    ],
    [
      'floating-point indices',
      () => resultTypes('gather', [float(3), float(1)], { axis: 0 }),
      DtypeError,
      /int32 vector/,
    ],
    [
      'a largest of nothing',
      () => resultTypes('argMax', [float(0)], { axis: 0 }),
      ShapeError,
      /must not be empty/,
    ],
    [
      'padding below zero',
      () => resultTypes('pad', [float(2)], { low: [-1], high: [0], interior: [0] }),
      ShapeError,
      /non-negative integers/,
    ],
    [
      'an axis that is reduced twice',
      () => resultTypes('reduceSum', [float(2)], { axes: [0, 0] }),
      ShapeError,
      /distinct axes/,
    ],
  ])('for %s', (_, broken, type, message) => {
    expect(broken).toThrow(type)
    expect(broken).toThrow(message)
  })
})
