// Oracle: result shapes worked out by hand from the definitions in primitive.ts.
import { describe, expect, it } from 'vitest'
import type { Dtype } from '../dtype.ts'
import { ArgumentError, DtypeError, ShapeError, TensorError } from '../errors.ts'
import type { Shape } from '../shape.ts'
import type { PrimitiveName, PrimitiveParameters } from './primitive.ts'
import { noParameters } from './primitive.ts'
import type { TensorType } from './program.ts'
import { formatType } from './program.ts'
import { ProgramBuilder } from './programBuilder.ts'
import { resultTypes, shapeRules } from './shapeRules.ts'

const type = (shape: Shape, dtype: Dtype = 'float32'): TensorType => ({ shape, dtype })

/** The result types as text, e.g. `float32[2,3]`. */
const results = <P extends PrimitiveName>(
  primitive: P,
  inputs: readonly TensorType[],
  parameters: PrimitiveParameters[P],
): string => resultTypes(primitive, inputs, parameters).map(formatType).join(' ')

function errorOf<P extends PrimitiveName>(
  primitive: P,
  inputs: readonly TensorType[],
  parameters: PrimitiveParameters[P],
): TensorError {
  try {
    resultTypes(primitive, inputs, parameters)
  } catch (error) {
    if (error instanceof TensorError) return error
    throw error
  }
  throw new Error(`${primitive} accepted ${inputs.map(formatType).join(', ')}`)
}

const square = new ProgramBuilder('square')
const squareInput = square.input(type([2]))
const squareProgram = square.finish(square.emit('multiply', [squareInput, squareInput], noParameters))

describe('result types', () => {
  it('of element-wise primitives are those of the operands, and bool for comparisons', () => {
    expect(results('tanh', [type([2, 3])], noParameters)).toBe('float32[2,3]')
    expect(results('negate', [type([], 'int32')], noParameters)).toBe('int32[]')
    expect(results('add', [type([0], 'uint32'), type([0], 'uint32')], noParameters)).toBe('uint32[0]')
    expect(results('less', [type([4]), type([4])], noParameters)).toBe('bool[4]')
    expect(results('equal', [type([4], 'bool'), type([4], 'bool')], noParameters)).toBe('bool[4]')
    expect(results('select', [type([4], 'bool'), type([4]), type([4])], noParameters)).toBe('float32[4]')
    expect(results('convert', [type([4])], { dtype: 'int32' })).toBe('int32[4]')
  })

  it('of sources are what the parameters say', () => {
    expect(results('fill', [], { shape: [2], dtype: 'bool', value: 1 })).toBe('bool[2]')
    expect(results('iota', [], { shape: [2, 3], dtype: 'int32', axis: 1 })).toBe('int32[2,3]')
    expect(results('randomBits', [type([2], 'uint32')], { shape: [5] })).toBe('uint32[5]')
  })

  it('of movement follow the elements', () => {
    expect(results('reshape', [type([2, 6])], { shape: [3, 4] })).toBe('float32[3,4]')
    expect(results('transpose', [type([2, 3, 5])], { permutation: [2, 0, 1] })).toBe('float32[5,2,3]')
    expect(results('broadcast', [type([3, 1])], { shape: [2, 3, 4], axes: [1, 2] })).toBe('float32[2,3,4]')
    expect(results('slice', [type([9])], { starts: [1], limits: [8], strides: [3] })).toBe('float32[3]')
    expect(results('slice', [type([9])], { starts: [4], limits: [4], strides: [1] })).toBe('float32[0]')
    expect(results('pad', [type([3])], { low: [1], high: [2], interior: [4] })).toBe('float32[14]')
    expect(results('pad', [type([0])], { low: [1], high: [2], interior: [4] })).toBe('float32[3]')
    expect(results('concatenate', [type([2, 3]), type([2, 0]), type([2, 4])], { axis: 1 })).toBe(
      'float32[2,7]',
    )
    expect(results('gather', [type([5, 2]), type([3], 'int32')], { axis: 0 })).toBe('float32[3,2]')
    expect(results('scatterAdd', [type([5, 2]), type([3], 'int32'), type([3, 2])], { axis: 0 })).toBe(
      'float32[5,2]',
    )
  })

  it('of reductions lose the axes', () => {
    expect(results('reduceSum', [type([2, 3, 5])], { axes: [2, 0] })).toBe('float32[3]')
    expect(results('reduceMax', [type([2, 3], 'int32')], { axes: [] })).toBe('int32[2,3]')
    expect(results('argMax', [type([2, 3])], { axis: 0 })).toBe('int32[3]')
  })

  it('of a product are batch, left free and right free axes', () => {
    const axes = { lhsBatch: [2], rhsBatch: [0], lhsContract: [0], rhsContract: [1] }
    expect(results('dot', [type([5, 7, 3]), type([3, 5, 2])], axes)).toBe('float32[3,7,2]')
    expect(results('dot', [type([5, 7, 3]), type([3, 5, 2]), type([3, 7, 2])], axes)).toBe('float32[3,7,2]')
    const none = { lhsBatch: [], rhsBatch: [], lhsContract: [], rhsContract: [] }
    expect(results('dot', [type([2]), type([3])], none)).toBe('float32[2,3]')
  })

  it('of a call are those of its program', () => {
    expect(results('call', [type([2])], { program: squareProgram })).toBe('float32[2]')
  })
})

const plain = { lhsBatch: [], rhsBatch: [], lhsContract: [1], rhsContract: [0] }
const noSlice = { starts: [0], limits: [1], strides: [1] }

describe('shape errors', () => {
  it('are of the class that says what does not fit', () => {
    expect(errorOf('add', [type([2]), type([3])], noParameters)).toBeInstanceOf(ShapeError)
    expect(errorOf('add', [type([2]), type([2], 'int32')], noParameters)).toBeInstanceOf(DtypeError)
    expect(errorOf('add', [type([2])], noParameters)).toBeInstanceOf(ArgumentError)
    expect(errorOf('tanh', [type([2], 'int32')], noParameters)).toBeInstanceOf(DtypeError)
    expect(errorOf('not', [type([2])], noParameters)).toBeInstanceOf(DtypeError)
    expect(errorOf('negate', [type([2], 'bool')], noParameters)).toBeInstanceOf(DtypeError)
  })

  it('name the operation, both shapes, the rule and the remedy', () => {
    const { message } = errorOf('add', [type([2, 3]), type([2, 4])], noParameters)
    expect(message).toBe(
      'add: both operands of the primitive must have the same shape; found [2,3] and [2,4]',
    )
    const dtypes = errorOf('multiply', [type([2]), type([2], 'int32')], noParameters)
    expect(dtypes.message).toBe(
      'multiply: both operands must have the same dtype; found float32[2] and int32[2]. ' +
        'Convert one of them with convert(x, dtype)',
    )
    const inner = errorOf('dot', [type([2, 3]), type([4, 5])], plain)
    expect(inner.message).toContain('dot: contracted axes must have equal extents; found [2,3] and [4,5]')
    expect(inner.message).toContain('contracted [1]/[0]')
  })

  const refused: {
    [P in PrimitiveName]?: readonly (readonly [string, readonly TensorType[], PrimitiveParameters[P]])[]
  } = {
    select: [
      ['condition must have the shape', [type([3], 'bool'), type([4]), type([4])], noParameters],
      ['dtype bool', [type([4]), type([4]), type([4])], noParameters],
      ['same dtype', [type([4], 'bool'), type([4]), type([4], 'float64')], noParameters],
    ],
    fill: [
      ['non-negative integer', [], { shape: [-1], dtype: 'float32', value: 0 }],
      ['takes 0 operands', [type([])], { shape: [], dtype: 'float32', value: 0 }],
    ],
    iota: [
      ['axis of the shape', [], { shape: [2], dtype: 'int32', axis: 1 }],
      ['number dtype', [], { shape: [2], dtype: 'bool', axis: 0 }],
    ],
    randomBits: [
      ['uint32[2]', [type([2], 'int32')], { shape: [1] }],
      ['uint32[2]', [type([3], 'uint32')], { shape: [1] }],
    ],
    reshape: [['number of elements', [type([2, 3])], { shape: [5] }]],
    transpose: [
      ['every axis once', [type([2, 3])], { permutation: [0, 0] }],
      ['every axis once', [type([2, 3])], { permutation: [0] }],
    ],
    broadcast: [
      ['axes must increase', [type([2])], { shape: [3], axes: [0] }],
      ['axes must increase', [type([2, 3])], { shape: [3, 2], axes: [1, 0] }],
      ['axes must increase', [type([2])], { shape: [2], axes: [] }],
    ],
    slice: [
      ['start ≤ limit', [type([4])], { starts: [3], limits: [2], strides: [1] }],
      ['start ≤ limit', [type([4])], { starts: [0], limits: [5], strides: [1] }],
      ['stride ≥ 1', [type([4])], { starts: [0], limits: [4], strides: [0] }],
      ['every axis', [type([4, 4])], noSlice],
    ],
    pad: [
      ['non-negative', [type([4])], { low: [-1], high: [0], interior: [0] }],
      ['one per axis', [type([4])], { low: [0, 0], high: [0], interior: [0] }],
    ],
    concatenate: [
      ['at least one', [], { axis: 0 }],
      ['axis of the operands', [type([2])], { axis: 1 }],
      ['same shape', [type([2, 3]), type([3, 3])], { axis: 1 }],
      ['same dtype', [type([2]), type([2], 'int32')], { axis: 0 }],
    ],
    gather: [
      ['int32 vector', [type([3]), type([2])], { axis: 0 }],
      ['int32 vector', [type([3]), type([2, 2], 'int32')], { axis: 0 }],
      ['axis of the operand', [type([3]), type([2], 'int32')], { axis: 1 }],
      ['empty axis', [type([0]), type([2], 'int32')], { axis: 0 }],
    ],
    scatterAdd: [
      ['same shape', [type([3, 2]), type([4], 'int32'), type([3, 2])], { axis: 0 }],
      ['empty axis', [type([0]), type([2], 'int32'), type([2])], { axis: 0 }],
      ['number dtype', [type([3], 'bool'), type([1], 'int32'), type([1], 'bool')], { axis: 0 }],
    ],
    reduceSum: [
      ['distinct axes', [type([3, 2])], { axes: [1, 1] }],
      ['distinct axes', [type([3, 2])], { axes: [2] }],
      ['number dtype', [type([3], 'bool')], { axes: [0] }],
    ],
    reduceMax: [['distinct axes', [type([3, 2])], { axes: [-1] }]],
    argMax: [['must not be empty', [type([3, 0])], { axis: 1 }]],
    dot: [
      ['float dtype', [type([2, 3], 'int32'), type([3, 4], 'int32')], plain],
      ['same dtype', [type([2, 3]), type([3, 4], 'float64')], plain],
      ['right operand must exist', [type([2, 3]), type([3, 4])], { ...plain, rhsContract: [2] }],
      ['left operand must exist', [type([2, 3]), type([3, 4])], { ...plain, lhsBatch: [1], rhsBatch: [1] }],
      ['contracted axes must pair up', [type([2, 3]), type([3, 4])], { ...plain, rhsContract: [] }],
      ['batch axes must pair up', [type([2, 3]), type([3, 4])], { ...plain, lhsBatch: [0] }],
      ['accumulator', [type([2, 3]), type([3, 4]), type([4, 2])], plain],
    ],
    call: [
      ['takes 1 operands', [], { program: squareProgram }],
      ['same shape', [type([3])], { program: squareProgram }],
    ],
  }

  it.each(Object.keys(refused) as PrimitiveName[])('of %s name the operation and the rule', (primitive) => {
    for (const [rule, inputs, parameters] of refused[primitive] ?? []) {
      const { message } = errorOf(primitive, inputs, parameters)
      expect(message).toContain(rule)
      expect(message.startsWith(primitive)).toBe(true)
    }
  })

  it('are raised for a wrong number of operands of every primitive', () => {
    const eight = new Array<TensorType>(8).fill(type([2]))
    for (const primitive of Object.keys(shapeRules) as PrimitiveName[]) {
      if (primitive === 'concatenate') continue
      const parameters = { program: squareProgram, shape: [2], dtype: 'float32', axis: 0 }
      const untyped = resultTypes as (p: PrimitiveName, i: readonly TensorType[], q: object) => unknown
      expect(() => untyped(primitive, eight, parameters), primitive).toThrow(ArgumentError)
    }
  })
})
