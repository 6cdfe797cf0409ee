/**
 * Element functions of floats against Math.* in float64, on one and on four lanes: every exponent and sign with many
 * mantissas, special values, and dense samples where the functions change. The bounds are those of the header comments,
 * measured on SwiftShader and on lavapipe; a hardware division may add the 2.5 ulp that WGSL allows it.
 */
import type { ElementwisePrimitive, ScalarNode } from '@hessian-free/tensor'
import { allExponents, interval } from '@hessian-free/tensor/testing'
import { describe, expect, it } from 'vitest'
import { testDevice } from '../node/softwareDevice.ts'
import { specialFloats, unitsOfError, worstCase } from '../testing/floatAccuracy.ts'
import { runExpressions } from '../testing/runExpressions.ts'
import type { Lanes } from './kernelBindings.ts'

const requested = await testDevice()
const slack = requested === undefined || requested.capabilities.isSoftware ? 0 : 2.5

const load = (buffer: number): ScalarNode => ({
  kind: 'load',
  buffer,
  view: { offset: 0, strides: [1] },
  dtype: 'float32',
})

const applied = (
  primitive: ElementwisePrimitive,
  arity: number,
  dtype: 'float32' | 'bool' = 'float32',
): ScalarNode[] => [
  ...Array.from({ length: arity }, (_, i) => load(i)),
  { kind: 'apply', primitive, operands: Array.from({ length: arity }, (_, i) => i), dtype },
]

interface FloatCase {
  readonly primitive: ElementwisePrimitive
  readonly oracle: (x: number, y: number) => number
  readonly bound: number
  readonly dtype?: 'bool'
}

function nearestEven(x: number): number {
  const down = Math.floor(x)
  const nearest = x - down < 0.5 || (x - down === 0.5 && down % 2 === 0) ? down : down + 1
  return Number.isFinite(x) ? (nearest === 0 && (x < 0 || Object.is(x, -0)) ? -0 : nearest) : x
}

const unary: readonly FloatCase[] = [
  { primitive: 'exp', oracle: Math.exp, bound: 1 },
  { primitive: 'expm1', oracle: Math.expm1, bound: 1.45 },
  { primitive: 'log', oracle: Math.log, bound: 0.8 },
  { primitive: 'log1p', oracle: Math.log1p, bound: 1.4 },
  { primitive: 'tanh', oracle: Math.tanh, bound: 2.55 },
  {
    primitive: 'sigmoid',
    oracle: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
    bound: 2.3,
  },
  {
    primitive: 'softplus',
    oracle: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    bound: 1.65,
  },
  { primitive: 'sin', oracle: Math.sin, bound: 1.6 },
  { primitive: 'cos', oracle: Math.cos, bound: 1.6 },
  { primitive: 'sqrt', oracle: Math.sqrt, bound: 0.51 },
  { primitive: 'floor', oracle: Math.floor, bound: 0 },
  { primitive: 'round', oracle: nearestEven, bound: 0 },
  { primitive: 'abs', oracle: Math.abs, bound: 0 },
  { primitive: 'negate', oracle: (x) => -x, bound: 0 },
  { primitive: 'sign', oracle: Math.sign, bound: 0 },
  { primitive: 'stopGradient', oracle: (x) => x, bound: 0 },
]

const binary: readonly FloatCase[] = [
  { primitive: 'power', oracle: Math.pow, bound: 1.2 },
  { primitive: 'add', oracle: (x, y) => x + y, bound: 0.5 },
  { primitive: 'subtract', oracle: (x, y) => x - y, bound: 0.5 },
  { primitive: 'multiply', oracle: (x, y) => x * y, bound: 0.5 },
  { primitive: 'divide', oracle: (x, y) => x / y, bound: 0.5 },
  { primitive: 'maximum', oracle: Math.max, bound: 0 },
  { primitive: 'minimum', oracle: Math.min, bound: 0 },
  { primitive: 'equal', oracle: (x, y) => Number(x === y), bound: 0, dtype: 'bool' },
  { primitive: 'less', oracle: (x, y) => Number(x < y), bound: 0, dtype: 'bool' },
  { primitive: 'lessEqual', oracle: (x, y) => Number(x <= y), bound: 0, dtype: 'bool' },
]

const inFours = (values: readonly number[]): Float32Array<ArrayBuffer> =>
  Float32Array.from([...values, ...values.slice(0, 3)].slice(0, Math.ceil(values.length / 4) * 4))

function unarySamples(): Float32Array<ArrayBuffer> {
  return inFours([
    ...specialFloats,
    ...allExponents(32),
    ...interval(-110, 95, 12_000),
    ...interval(-12, 12, 12_000),
    ...interval(-2, 2, 8_000),
    ...interval(-1.2e5, 1.2e5, 12_000),
  ])
}

/** Pairs of special values, of any two numbers, and those whose power is within range. */
function binarySamples(): [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>] {
  const pairs = specialFloats.flatMap((x) => specialFloats.map((y) => [x, y]))
  const any = allExponents(16)
  any.forEach((x, i) => pairs.push([x, any[(i * 7919) % any.length]]))
  any.forEach((x, i) => pairs.push([Math.abs(x), ((i * 0.5698) % 1) * 4 - 2]))
  for (let i = 0; i < 20_000; i++) {
    const base = 2 ** (((i * 0.618034) % 1) * 40 - 20) * (i % 7 === 0 ? -1 : 1)
    pairs.push([base, i % 3 === 0 ? (i % 41) - 20 : (((i * 0.754878) % 1) - 0.5) * 30])
    const nearOne = Math.fround(0.5 + 1.5 * ((i * 0.618034) % 1))
    pairs.push([nearOne, ((((i * 0.754878) % 1) - 0.5) * 250) / Math.log2(nearOne)])
  }
  return [inFours(pairs.map(([x]) => x)), inFours(pairs.map(([, y]) => y))]
}

async function measure(
  cases: readonly FloatCase[],
  operands: readonly Float32Array<ArrayBuffer>[],
  lanes: Lanes,
): Promise<void> {
  const results = await runExpressions(
    requested!.device,
    cases.map(({ primitive, dtype }) => applied(primitive, operands.length, dtype)),
    operands.map(({ buffer }) => new Uint32Array(buffer)),
    lanes,
  )
  cases.forEach(({ primitive, oracle, bound, dtype }, i) => {
    const got = dtype === 'bool' ? results[i] : new Float32Array(results[i].buffer)
    const worst = worstCase(primitive, oracle, operands, got)
    expect.soft(worst.error, worst.description).toBeLessThanOrEqual(bound === 0 ? 0 : bound + slack)
  })
}

describe.skipIf(requested === undefined)('element functions of floats on a device', () => {
  for (const lanes of [1, 4] as const) {
    it(`of one operand are within their bounds for every exponent, ${lanes} at a time`, async () => {
      await measure(unary, [unarySamples()], lanes)
    })

    it(`of two operands are within their bounds, with JavaScript's rules for NaN and zeros, ${lanes} at a time`, async () => {
      await measure(binary, binarySamples(), lanes)
    })
  }

  it.each([1, 4] as const)('subnormal operands count where that is promised, %i at a time', async (lanes) => {
    const x = allExponents(256).filter((value) => value !== 0 && Math.abs(value) < 2 ** -126)
    const exact: readonly FloatCase[] = [
      { primitive: 'log', oracle: Math.log, bound: 0.8 },
      { primitive: 'sign', oracle: Math.sign, bound: 0 },
      { primitive: 'maximum', oracle: Math.max, bound: 0 },
      { primitive: 'minimum', oracle: Math.min, bound: 0 },
      { primitive: 'power', oracle: Math.pow, bound: 1.2 },
    ]
    const other = x.map((_, i) => (i % 3 === 0 ? x[x.length - 1 - i] : (-1) ** i * 0.5))
    const inputs = [x, other].map(
      (values) => new Uint32Array(values.subarray(0, x.length & ~3).slice().buffer),
    )
    const results = await runExpressions(
      requested!.device,
      exact.map(({ primitive }, i) => applied(primitive, i < 2 ? 1 : 2)),
      inputs,
      lanes,
    )
    exact.forEach(({ primitive, oracle, bound }, i) => {
      new Float32Array(results[i].buffer).forEach((got, at) => {
        const error = unitsOfError(got, oracle(x[at], other[at]))
        expect.soft(error, `${primitive}(${x[at]}, ${other[at]}) = ${got}`).toBeLessThanOrEqual(bound + slack)
      })
    })
  })

  it('sin and cos stay in [-1, 1] for every finite argument', async () => {
    const x = allExponents(64).map((value) => (Number.isFinite(value) ? value : 0))
    const expressions = [applied('sin', 1), applied('cos', 1)]
    const results = await runExpressions(requested!.device, expressions, [new Uint32Array(x.buffer)], 4)
    for (const words of results) {
      expect(new Float32Array(words.buffer).every((value) => Math.abs(value) <= 1)).toBe(true)
    }
  })
})
