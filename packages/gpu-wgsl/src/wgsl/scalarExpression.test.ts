/**
 * Expressions as text, on a device, and through the WGSL compiler: Dawn's null backend checks every shader without any
 * GPU, so every primitive of every dtype that the tensor package allows is compiled, and every element function.
 */
import type { Dtype, ElementwisePrimitive, ScalarNode, TensorType } from '@hessian-free/tensor'
import {
  ArgumentError,
  DtypeError,
  dtypes,
  elementwisePrimitives,
  noParameters,
  resultTypes,
} from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { createDawn } from '../node/dawn.ts'
import { testDevice } from '../node/softwareDevice.ts'
import { expressionShader, runExpressions } from '../testing/runExpressions.ts'
import { elementFunctionNames, elementFunctionSource } from './elementFunctions.ts'
import { constantExpression, emitExpression } from './scalarExpression.ts'

const requested = await testDevice()

const load = (buffer: number, dtype: Dtype = 'float32'): ScalarNode => ({
  kind: 'load',
  buffer,
  view: { offset: 0, strides: [1] },
  dtype,
})
const constant = (value: number, dtype: Dtype = 'float32'): ScalarNode => ({ kind: 'constant', value, dtype })
const apply = (
  primitive: ElementwisePrimitive,
  operands: readonly number[],
  dtype: Dtype = 'float32',
): ScalarNode => ({ kind: 'apply', primitive, operands, dtype })

const texts = {
  lanes: 1,
  load: ({ buffer }: { buffer: number }) => `b${buffer}[i]`,
  index: () => 'f32(i)',
} as const

describe('the text of an expression', () => {
  const nodes: readonly ScalarNode[] = [
    load(0),
    load(1),
    constant(0.1),
    apply('multiply', [1, 2]),
    apply('add', [0, 3]),
    apply('tanh', [4]),
    apply('stopGradient', [5]),
    constant(-Infinity),
    apply('less', [6, 2], 'bool'),
    apply('select', [8, 6, 7]),
  ]

  it('is one let per node, with calls only where WGSL has no exact operation', () => {
    const { statements, values, functions } = emitExpression(nodes, texts)
    expect(statements).toBe(
      [
        'let v0 = b0[i];',
        'let v1 = b1[i];',
        'let v2 = 0.10000000149011612f;',
        'let v3 = v1 * v2;',
        'let v4 = v0 + v3;',
        'let v5 = hyperbolicTangent1(v4);',
        'let v7 = floatOfBits1(0xff800000u);',
        'let v8 = less1(v5, v2);',
        'let v9 = select(v7, v5, v8);',
        '',
      ].join('\n'),
    )
    expect(values).toEqual(['v0', 'v1', 'v2', 'v3', 'v4', 'v5', 'v5', 'v7', 'v8', 'v9'])
    expect([...functions].sort()).toEqual(['floatOfBits1', 'hyperbolicTangent1', 'less1'])
  })

  it('defines each function once, with what it calls', () => {
    const { functions } = emitExpression(nodes, texts)
    const source = elementFunctionSource(functions)
    const defined = [...source.matchAll(/fn (\w+)\(/g)].map(([, name]) => name)
    expect(new Set(defined).size).toBe(defined.length)
    expect(defined).toContain('reducedExponent1')
    expect(defined).not.toContain('logarithm1')
  })

  it('reads the result of a reduction in an epilogue, and only there', () => {
    const epilogue: readonly ScalarNode[] = [{ kind: 'result', dtype: 'float32' }, apply('negate', [0])]
    expect(emitExpression(epilogue, { ...texts, result: 'total' }, 'e').statements).toBe(
      'let e0 = total;\nlet e1 = -e0;\n',
    )
    expect(() => emitExpression(epilogue, texts)).toThrow(ArgumentError)
  })

  it('refuses float64 and unknown functions by name', () => {
    expect(() => emitExpression([load(0, 'float64'), apply('exp', [0], 'float64')], texts)).toThrow(
      DtypeError,
    )
    expect(() => constantExpression(1, 'float64', 1)).toThrow(/float64/)
    expect(() => elementFunctionSource(['exponential2'])).toThrow(/exponential2/)
    expect(() => elementFunctionSource(['toString1'])).toThrow(ArgumentError)
  })
})

describe.skipIf(requested === undefined)('expressions on a device', () => {
  const floats = [
    ...[0, -0, 1, -1, 0.1, 1 / 3, -1e-30, 1e30, 2 ** -126, 3.4028234663852886e38, 16777217, 123456789],
    ...[2 ** -149, -(2 ** -130), Infinity, -Infinity, NaN],
  ]
  const integers = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 123456789]

  it.each([1, 4] as const)('constants keep every bit, %i at a time', async (lanes) => {
    const expressions = [
      ...floats.map((value) => [constant(value)]),
      ...integers.map((value) => [constant(value, 'int32')]),
      ...integers.map((value) => [constant(value >>> 0, 'uint32')]),
      ...[0, 1].map((value) => [constant(value, 'bool')]),
    ]
    const results = await runExpressions(requested!.device, expressions, [new Uint32Array(4)], lanes)
    const want = [
      ...new Uint32Array(Float32Array.from(floats).buffer),
      ...integers.map((value) => value >>> 0),
      ...integers.map((value) => value >>> 0),
      ...[0, 1],
    ]
    expect(results.map((words) => [...words])).toEqual(want.map((word) => [word, word, word, word]))
  })

  it.each([1, 4] as const)(
    'arithmetic on constants that overflows or divides by zero still compiles, %i at a time',
    async (lanes) => {
      const two = (
        primitive: ElementwisePrimitive,
        x: number,
        y: number,
        dtype: Dtype = 'float32',
      ): ScalarNode[] => [constant(x, dtype), constant(y, dtype), apply(primitive, [0, 1], dtype)]
      const results = await runExpressions(
        requested!.device,
        [
          two('multiply', 1e30, 1e30),
          two('divide', -1, 0),
          two('subtract', 0, 1, 'uint32'),
          two('divide', 7, 0, 'int32'),
          [constant(-1), apply('sqrt', [0])],
        ],
        [new Uint32Array(4)],
        lanes,
      )
      const [product, quotient, difference, zero, root] = results.map(([word]) => word)
      expect([product, quotient, difference, zero]).toEqual([0x7f800000, 0xff800000, 0xffffffff, 0])
      expect((root & 0x7fffffff) > 0x7f800000).toBe(true)
    },
  )

  it.each([1, 4] as const)('a chain of two hundred nodes and an index, %i at a time', async (lanes) => {
    const nodes: ScalarNode[] = [
      load(0),
      constant(0.5),
      { kind: 'index', view: { offset: 0, strides: [1] }, dtype: 'float32' },
      apply('add', [0, 2]),
    ]
    for (let i = 0; i < 100; i++) {
      nodes.push(
        apply('multiply', [nodes.length - 1, 1]),
        apply(i % 2 ? 'add' : 'subtract', [nodes.length, 0]),
      )
    }
    const x = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i) * 3)
    const [words] = await runExpressions(requested!.device, [nodes], [new Uint32Array(x.buffer)], lanes)
    // Products with ½ are exact, so that fused multiplications give the same.
    const want = x.map((value, at) => {
      let v = Math.fround(value + at)
      for (let i = 0; i < 100; i++) v = Math.fround(i % 2 ? v / 2 + value : v / 2 - value)
      return v
    })
    expect([...new Float32Array(words.buffer)]).toEqual([...want])
  })
})

/** Every primitive on every combination of dtypes that its rule in the tensor package accepts. */
function allowedExpressions(): ScalarNode[][] {
  const numbers = dtypes.filter((dtype) => dtype !== 'float64')
  const type = (dtype: Dtype): TensorType => ({ dtype, shape: [1] })
  const expressions: ScalarNode[][] = []
  const add = (primitive: ElementwisePrimitive, from: readonly Dtype[], to: Dtype): void => {
    expressions.push([
      ...from.map((dtype, i) => load(i, dtype)),
      apply(primitive, Object.keys(from).map(Number), to),
    ])
  }
  for (const primitive of elementwisePrimitives) {
    for (const dtype of numbers) {
      if (primitive === 'convert') {
        for (const to of numbers) add(primitive, [dtype], to)
        continue
      }
      for (const from of [[dtype], [dtype, dtype], ['bool' as const, dtype, dtype]]) {
        try {
          add(primitive, from, resultTypes(primitive, from.map(type), noParameters)[0].dtype)
        } catch (error) {
          if (!(error instanceof DtypeError || error instanceof ArgumentError)) throw error
        }
      }
    }
  }
  return expressions
}

describe('the WGSL compiler without a GPU', () => {
  const compile = async (code: string): Promise<string | undefined> => {
    const gpu = await createDawn({ backend: 'null' })
    const device = await (await gpu.requestAdapter())?.requestDevice()
    if (device === undefined) throw new Error('the null backend offers no device')
    device.pushErrorScope('validation')
    const module = device.createShaderModule({ code })
    if (code.includes('@compute')) device.createComputePipeline({ layout: 'auto', compute: { module } })
    const error = await device.popErrorScope()
    device.destroy()
    return error?.message
  }

  it.each([1, 4] as const)('accepts every primitive on every dtype, %i at a time', async (lanes) => {
    const expressions = allowedExpressions()
    const covered = new Set(
      expressions.map((nodes) => (nodes[nodes.length - 1] as { primitive: string }).primitive),
    )
    expect([...covered].sort()).toEqual([...elementwisePrimitives].sort())
    expect(expressions.length).toBe(77)
    expect(await compile(expressionShader(expressions, 3, 1024, lanes))).toBeUndefined()
  })

  it('accepts every element function, each on its own', async () => {
    for (const name of elementFunctionNames) {
      expect(await compile(elementFunctionSource([name])), name).toBeUndefined()
    }
  })

  it('says what is wrong with a shader that is', async () => {
    expect(await compile('fn f(x: f32) -> f32 { return x & 1u; }')).toMatch(/no matching overload/)
  })
})
