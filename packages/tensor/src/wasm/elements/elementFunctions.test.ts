/**
 * Element functions against Math.* in float64: every exponent and sign with many mantissas, and special values.
 * The error is measured in units in the last place of the float32 nearest to the exact value; the bounds here
 * are those that the header comments state.
 */
import { describe, expect, it } from 'vitest'
import type { Dtype } from '../../dtype.ts'
import { typedArray } from '../../dtype.ts'
import type { ElementwisePrimitive } from '../../program/primitive.ts'
import { allExponents, interval } from '../../testing/floatSamples.ts'
import { createModuleBuilder } from '../assembler/moduleBuilder.ts'
import { applyElementFunction } from './elementFunctions.ts'
import { emitVectors } from './vectorEmission.ts'
import { createVectorGraph } from './vectorGraph.ts'

/**
 * A function that applies the primitive to `count` elements at each of the operand arrays. An operand may be a constant
 * instead; its array is ignored.
 */
function compile(
  primitive: ElementwisePrimitive,
  arity: number,
  from: Dtype,
  to: Dtype,
  capacity: number,
  constant?: { readonly at: number; readonly value: number },
) {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(((arity + 1) * capacity * 4) / 65536) + 1 })
  const module = createModuleBuilder()
  module.importMemory('env', 'memory', { minimumPages: 1 })
  const v = createVectorGraph()
  const operands = Array.from({ length: arity }, (_, i) =>
    i === constant?.at ? v.float(constant.value) : v.input(i),
  )
  const root = applyElementFunction(v, primitive, operands, from, to)
  module.addFunction(
    { parameters: ['i32'], results: [] },
    (f, [bytes]) => {
      const at = f.local('i32')
      f.loop((again) => {
        const load = (index: number) => f.localGet(at).v128Load(index * capacity * 4)
        const [result] = emitVectors(f, [root], load)
        f.localGet(at)
          .localGet(result)
          .v128Store(arity * capacity * 4)
        f.localGet(at).i32Const(16).i32Add().localTee(at).localGet(bytes).i32LtU().brIf(again)
      })
    },
    'run',
  )
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } })
  const run = instance.exports.run as (bytes: number) => void
  return (...arrays: readonly ArrayLike<number>[]) => {
    arrays.forEach((array, i) => {
      const view = typedArray(i === 0 && primitive === 'select' ? 'bool' : from, 0).constructor as new (
        buffer: ArrayBuffer,
        offset: number,
        length: number,
      ) => Float32Array
      new view(memory.buffer, i * capacity * 4, array.length).set(array)
    })
    run(arrays[0].length * 4)
    const result = typedArray(to, 0).constructor as new (
      buffer: ArrayBuffer,
      offset: number,
      length: number,
    ) => Float32Array
    return new result(memory.buffer, arity * capacity * 4, arrays[0].length)
  }
}

const special = [
  0,
  -0,
  1,
  -1,
  Infinity,
  -Infinity,
  NaN,
  2 ** -149,
  -(2 ** -149),
  3.4028234663852886e38,
  0.5,
  -0.5,
  2,
  3,
  -2,
  -3,
]

/** |got − want| in units in the last place of float32 at `want`; 0 for two NaNs or equal values with equal signs. */
function error(got: number, want: number): number {
  const rounded = Math.fround(want)
  if (Object.is(got, rounded)) return Math.abs(got - want) / unit(rounded) || 0
  if (!Number.isFinite(got) || !Number.isFinite(rounded) || (got === 0 && rounded === 0)) {
    // The step from the largest number to infinity counts as one unit.
    const largest = 3.4028234663852886e38
    return Math.max(Math.abs(got), Math.abs(rounded)) === Infinity &&
      Math.min(Math.abs(got), Math.abs(rounded)) === largest
      ? 1
      : Infinity
  }
  return Math.abs(got - want) / unit(rounded)
}

const unit = (x: number): number =>
  2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x) || 2 ** -126))) - 23)

function largestError(got: ArrayLike<number>, want: (i: number) => number): { error: number; at: number } {
  let worst = { error: 0, at: 0 }
  for (let i = 0; i < got.length; i++) {
    const e = error(got[i], want(i))
    if (!(e <= worst.error)) worst = { error: e, at: i }
  }
  return worst
}

const sigmoid = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)))
const softplusOracle = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
const nearestEven = (x: number): number => {
  const down = Math.floor(x)
  const nearest = x - down < 0.5 || (x - down === 0.5 && down % 2 === 0) ? down : down + 1
  return Number.isFinite(x) ? (nearest === 0 && (x < 0 || Object.is(x, -0)) ? -0 : nearest) : x
}

interface UnaryCase {
  readonly primitive: ElementwisePrimitive
  readonly oracle: (x: number) => number
  readonly bound: number
  readonly dense: readonly [number, number]
  readonly limit?: number
}

const unaryCases: readonly UnaryCase[] = [
  { primitive: 'exp', oracle: Math.exp, bound: 1, dense: [-105, 90] },
  { primitive: 'expm1', oracle: Math.expm1, bound: 1.7, dense: [-20, 20] },
  { primitive: 'log', oracle: Math.log, bound: 0.9, dense: [0, 4] },
  { primitive: 'log1p', oracle: Math.log1p, bound: 1.6, dense: [-1, 4] },
  { primitive: 'tanh', oracle: Math.tanh, bound: 2.6, dense: [-10, 10] },
  { primitive: 'sigmoid', oracle: sigmoid, bound: 2.4, dense: [-110, 30] },
  { primitive: 'softplus', oracle: softplusOracle, bound: 1.7, dense: [-110, 30] },
  { primitive: 'sin', oracle: Math.sin, bound: 1.6, dense: [-1e5, 1e5], limit: 1e6 },
  { primitive: 'cos', oracle: Math.cos, bound: 1.6, dense: [-1e5, 1e5], limit: 1e6 },
  { primitive: 'sqrt', oracle: Math.sqrt, bound: 0.51, dense: [0, 10] },
  { primitive: 'floor', oracle: Math.floor, bound: 0, dense: [-10, 10] },
  { primitive: 'round', oracle: nearestEven, bound: 0, dense: [-10, 10] },
  { primitive: 'abs', oracle: Math.abs, bound: 0, dense: [-10, 10] },
  { primitive: 'negate', oracle: (x) => -x, bound: 0, dense: [-10, 10] },
  { primitive: 'sign', oracle: Math.sign, bound: 0, dense: [-10, 10] },
]

describe('element functions of one float32 operand', () => {
  const sampled = allExponents(256)
  for (const { primitive, oracle, bound, dense, limit = Infinity } of unaryCases) {
    it(`${primitive} is within ${bound} ulp of Math for every exponent, and equal for special values`, () => {
      const x = Float32Array.from([...special, ...sampled, ...interval(dense[0], dense[1], 100_000)])
      const kept =
        limit === Infinity ? x : x.filter((value) => !(Math.abs(value) > limit && Math.abs(value) < Infinity))
      const padded = kept.subarray(0, kept.length - (kept.length % 4))
      const got = compile(primitive, 1, 'float32', 'float32', padded.length)(padded)
      const worst = largestError(got, (i) => oracle(padded[i]))
      expect(worst.error, `${primitive}(${padded[worst.at]}) = ${got[worst.at]}`).toBeLessThanOrEqual(bound)
    })
  }

  it('softplus, logistic, tanh and exp do not decrease between neighbouring samples by more than their error', () => {
    for (const primitive of ['softplus', 'sigmoid', 'tanh', 'exp'] as const) {
      const x = interval(-20, 20, 200_000)
      const got = compile(primitive, 1, 'float32', 'float32', x.length)(x)
      for (let i = 1; i < got.length; i++) {
        if (got[i] < got[i - 1] - 2 * unit(got[i])) expect.fail(`${primitive} falls at ${x[i]}`)
      }
    }
  })

  it('sin and cos stay in [-1, 1] for every finite argument', () => {
    for (const primitive of ['sin', 'cos'] as const) {
      const x = sampled.filter((value) => Number.isFinite(value))
      const got = compile(primitive, 1, 'float32', 'float32', x.length)(x)
      expect(got.every((value) => Math.abs(value) <= 1)).toBe(true)
    }
  })
})

describe('element functions of two float32 operands', () => {
  const pairs = (): [Float32Array, Float32Array] => {
    const a: number[] = []
    const b: number[] = []
    for (const x of special) {
      for (const y of special) {
        a.push(x)
        b.push(y)
      }
    }
    for (let i = 0; i < 100_000; i++) {
      const base = 2 ** (((i * 0.618034) % 1) * 40 - 20) * (i % 7 === 0 ? -1 : 1)
      const exponent = i % 3 === 0 ? (i % 41) - 20 : (((i * 0.754878) % 1) - 0.5) * 30
      a.push(base)
      b.push(exponent)
    }
    const tiny = allExponents(64)
    for (const x of tiny) {
      a.push(Math.abs(x))
      b.push(((a.length * 0.5698) % 1) * 4 - 2)
    }
    a.length -= a.length % 4
    b.length = a.length
    return [Float32Array.from(a), Float32Array.from(b)]
  }

  it('power is within 0.53 ulp of Math.pow, with its rules for zeros, infinities, NaN and negative bases', () => {
    const [a, b] = pairs()
    const got = compile('power', 2, 'float32', 'float32', a.length)(a, b)
    const worst = largestError(got, (i) => Math.pow(a[i], b[i]))
    expect(worst.error, `${a[worst.at]} ** ${b[worst.at]} = ${got[worst.at]}`).toBeLessThanOrEqual(0.53)
  })

  it('arithmetic, minimum and maximum round and propagate NaN as JavaScript does', () => {
    const [a, b] = pairs()
    const oracles: [ElementwisePrimitive, (x: number, y: number) => number][] = [
      ['add', (x, y) => x + y],
      ['subtract', (x, y) => x - y],
      ['multiply', (x, y) => x * y],
      ['divide', (x, y) => x / y],
      ['minimum', Math.min],
      ['maximum', Math.max],
    ]
    for (const [primitive, oracle] of oracles) {
      const got = compile(primitive, 2, 'float32', 'float32', a.length)(a, b)
      const wrong = got.findIndex((value, i) => !Object.is(value, Math.fround(oracle(a[i], b[i]))))
      expect(wrong, `${primitive}(${a[wrong]}, ${b[wrong]}) = ${got[wrong]}`).toBe(-1)
    }
  })

  it('minimum and maximum do so beside a constant, on either side', () => {
    const [x] = pairs()
    for (const value of [0, -0, 1, -1, 1e-45, Infinity, -Infinity, NaN, 2.5]) {
      for (const at of [0, 1]) {
        for (const [primitive, oracle] of [
          ['minimum', Math.min],
          ['maximum', Math.max],
        ] as const) {
          const got = compile(primitive, 2, 'float32', 'float32', x.length, { at, value })(x, x)
          const wrong = got.findIndex((each, i) => !Object.is(each, oracle(x[i], Math.fround(value))))
          expect(wrong, `${primitive}(${x[wrong]}, ${value}) = ${got[wrong]}`).toBe(-1)
        }
      }
    }
  })

  it('comparisons give 0 and 1, and select picks by them', () => {
    const [a, b] = pairs()
    const less = compile('less', 2, 'float32', 'bool', a.length)(a, b)
    const lessEqual = compile('lessEqual', 2, 'float32', 'bool', a.length)(a, b)
    const equal = compile('equal', 2, 'float32', 'bool', a.length)(a, b)
    expect(less.every((value, i) => value === Number(a[i] < b[i]))).toBe(true)
    expect(lessEqual.every((value, i) => value === Number(a[i] <= b[i]))).toBe(true)
    expect(equal.every((value, i) => value === Number(a[i] === b[i]))).toBe(true)
    const condition = Uint32Array.from(less)
    const chosen = compile('select', 3, 'float32', 'float32', a.length)(condition, a, b)
    expect(chosen.every((value, i) => Object.is(value, condition[i] === 1 ? a[i] : b[i]))).toBe(true)
  })
})

describe('element functions of integers and booleans', () => {
  const edges = [
    0,
    1,
    -1,
    2,
    -2,
    3,
    7,
    -7,
    1000,
    65536,
    2 ** 31 - 1,
    -(2 ** 31),
    -(2 ** 31) + 1,
    123456789,
    -987654321,
    10,
  ]
  const a = Int32Array.from(edges.flatMap((x) => edges.map(() => x)))
  const b = Int32Array.from(edges.flatMap(() => edges))

  it('int32 arithmetic wraps, and quotients truncate with x / 0 = 0', () => {
    const oracles: [ElementwisePrimitive, (x: number, y: number) => number][] = [
      ['add', (x, y) => (x + y) | 0],
      ['subtract', (x, y) => (x - y) | 0],
      ['multiply', Math.imul],
      ['divide', (x, y) => (y === 0 ? 0 : (x / y) | 0)],
      ['minimum', Math.min],
      ['maximum', Math.max],
    ]
    for (const [primitive, oracle] of oracles) {
      const got = compile(primitive, 2, 'int32', 'int32', a.length)(a, b)
      expect([...got], primitive).toEqual(Array.from(a, (x, i) => oracle(x, b[i]) | 0))
    }
    for (const [primitive, oracle] of [
      ['negate', (x: number) => -x],
      ['abs', Math.abs],
      ['sign', Math.sign],
    ] as const) {
      const got = compile(primitive, 1, 'int32', 'int32', a.length)(a)
      expect([...got], primitive).toEqual(Array.from(a, (x) => oracle(x) | 0))
    }
  })

  it('uint32 arithmetic compares and divides without sign', () => {
    const x = Uint32Array.from(a)
    const y = Uint32Array.from(b)
    const quotient = compile('divide', 2, 'uint32', 'uint32', x.length)(x, y)
    expect([...quotient]).toEqual(Array.from(x, (value, i) => (y[i] === 0 ? 0 : Math.floor(value / y[i]))))
    const largest = compile('maximum', 2, 'uint32', 'uint32', x.length)(x, y)
    expect([...largest]).toEqual(Array.from(x, (value, i) => Math.max(value, y[i])))
    const less = compile('less', 2, 'uint32', 'bool', x.length)(x, y)
    expect([...less]).toEqual(Array.from(x, (value, i) => Number(value < y[i])))
  })

  it('conversions truncate, saturate and map NaN to 0; anything but 0 is true', () => {
    const floats = Float32Array.from([
      0,
      -0,
      1.9,
      -1.9,
      3e9,
      -3e9,
      5e9,
      NaN,
      Infinity,
      -Infinity,
      0.5,
      2 ** 24,
    ])
    const saturated = (low: number, high: number) =>
      Array.from(floats, (x) => (Number.isNaN(x) ? 0 : Math.min(high, Math.max(low, Math.trunc(x))) + 0))
    expect([...compile('convert', 1, 'float32', 'int32', 12)(floats)]).toEqual(
      saturated(-(2 ** 31), 2 ** 31 - 1),
    )
    expect([...compile('convert', 1, 'float32', 'uint32', 12)(floats)]).toEqual(saturated(0, 2 ** 32 - 1))
    expect([...compile('convert', 1, 'float32', 'bool', 12)(floats)]).toEqual(
      Array.from(floats, (x) => Number(x !== 0)),
    )
    expect([...compile('convert', 1, 'int32', 'float32', a.length)(a)]).toEqual(Array.from(a, Math.fround))
    const unsigned = Uint32Array.from(a)
    expect([...compile('convert', 1, 'uint32', 'float32', a.length)(unsigned)]).toEqual(
      Array.from(unsigned, Math.fround),
    )
  })

  it('logic on booleans', () => {
    const p = Uint32Array.from([0, 0, 1, 1])
    const q = Uint32Array.from([0, 1, 0, 1])
    expect([...compile('and', 2, 'bool', 'bool', 4)(p, q)]).toEqual([0, 0, 0, 1])
    expect([...compile('or', 2, 'bool', 'bool', 4)(p, q)]).toEqual([0, 1, 1, 1])
    expect([...compile('equal', 2, 'bool', 'bool', 4)(p, q)]).toEqual([1, 0, 0, 1])
    expect([...compile('not', 1, 'bool', 'bool', 4)(p)]).toEqual([1, 1, 0, 0])
  })

  it('float64 is refused by name', () => {
    expect(() => compile('add', 2, 'float64', 'float64', 4)).toThrow(/float64/)
  })
})
