/**
 * Element functions of integers and booleans, and conversions, at extreme values on a device, against integers without
 * bounds (BigInt) wrapped to 32 bits.
 */
import type { Dtype, ElementwisePrimitive, ScalarNode } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { testDevice } from '../node/softwareDevice.ts'
import { runExpressions } from '../testing/runExpressions.ts'

const requested = await testDevice()

const load = (buffer: number, dtype: Dtype): ScalarNode => ({
  kind: 'load',
  buffer,
  view: { offset: 0, strides: [1] },
  dtype,
})

const applied = (primitive: ElementwisePrimitive, from: readonly Dtype[], to: Dtype): ScalarNode[] => [
  ...from.map((dtype, i) => load(i, dtype)),
  { kind: 'apply', primitive, operands: from.map((_, i) => i), dtype: to },
]

const edges = [
  ...[0, 1, -1, 2, -2, 3, 7, -7, 10, 1000, 65535, 65536, 123456789, -987654321, 2 ** 24 + 1, -(2 ** 25) - 3],
  ...[2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 1, 2 ** 31 - 64],
]
const left = Uint32Array.from(edges.flatMap((x) => edges.map(() => x)))
const right = Uint32Array.from(edges.flatMap(() => edges))

type IntegerOracle = (x: bigint, y: bigint) => bigint | boolean
const magnitude = (x: bigint): bigint => (x < 0n ? -x : x)

const arithmetic: readonly (readonly [ElementwisePrimitive, 1 | 2, IntegerOracle])[] = [
  ['negate', 1, (x) => -x],
  ['abs', 1, magnitude],
  ['sign', 1, (x) => (x < 0n ? -1n : x > 0n ? 1n : 0n)],
  ['stopGradient', 1, (x) => x],
  ['add', 2, (x, y) => x + y],
  ['subtract', 2, (x, y) => x - y],
  ['multiply', 2, (x, y) => x * y],
  ['divide', 2, (x, y) => (y === 0n ? 0n : x / y)],
  ['maximum', 2, (x, y) => (x > y ? x : y)],
  ['minimum', 2, (x, y) => (x < y ? x : y)],
  ['equal', 2, (x, y) => x === y],
  ['less', 2, (x, y) => x < y],
  ['lessEqual', 2, (x, y) => x <= y],
]

const isComparison = (primitive: ElementwisePrimitive): boolean =>
  primitive === 'equal' || primitive === 'less' || primitive === 'lessEqual'

const word = (value: bigint | boolean): number => Number(BigInt.asUintN(32, BigInt(value)))

describe.skipIf(requested === undefined)('element functions of integers and booleans on a device', () => {
  for (const lanes of [1, 4] as const) {
    for (const dtype of ['int32', 'uint32'] as const) {
      it(`${dtype} arithmetic wraps, quotients truncate and x / 0 = 0, ${lanes} at a time`, async () => {
        const value = (bits: number): bigint =>
          dtype === 'int32' ? BigInt.asIntN(32, BigInt(bits)) : BigInt(bits)
        const results = await runExpressions(
          requested!.device,
          arithmetic.map(([primitive, arity]) =>
            applied(primitive, Array<Dtype>(arity).fill(dtype), isComparison(primitive) ? 'bool' : dtype),
          ),
          [left, right],
          lanes,
        )
        arithmetic.forEach(([primitive, , oracle], i) => {
          const want = Array.from(left, (x, at) => word(oracle(value(x), value(right[at]))))
          expect([...results[i]], primitive).toEqual(want)
        })
      })
    }

    it(`conversions truncate, saturate and map NaN to 0; anything but 0 is true, ${lanes} at a time`, async () => {
      const floats = Float32Array.from([
        ...[0, -0, 0.5, -0.5, 1.9, -1.9, 2 ** 24, 16777217, 2 ** -149, -(2 ** -149), 3.4e38, -3.4e38],
        ...[NaN, Infinity, -Infinity, 2147483520, 2147483648, -2147483648, -2147483904, 3e9, -3e9, 5e9],
        ...[4294967040, 4294967296],
      ])
      const saturated = (low: number, high: number): number[] =>
        Array.from(floats, (x) => (Number.isNaN(x) ? 0 : Math.min(high, Math.max(low, Math.trunc(x))) + 0))
      const [toInt32, toUint32, toBool, toItself] = await runExpressions(
        requested!.device,
        (['int32', 'uint32', 'bool', 'float32'] as const).map((to) => applied('convert', ['float32'], to)),
        [new Uint32Array(floats.buffer)],
        lanes,
      )
      expect([...new Int32Array(toInt32.buffer)]).toEqual(saturated(-(2 ** 31), 2 ** 31 - 1))
      expect([...toUint32]).toEqual(saturated(0, 2 ** 32 - 1))
      expect([...toBool]).toEqual(Array.from(floats, (x) => Number(x !== 0)))
      expect([...toItself]).toEqual([...new Uint32Array(floats.buffer)])

      const fromIntegers = await runExpressions(
        requested!.device,
        (['int32', 'uint32'] as const).flatMap((from) =>
          (['float32', 'bool', 'int32', 'uint32'] as const).map((to) => applied('convert', [from], to)),
        ),
        [left],
        lanes,
      )
      const signed = new Int32Array(left.buffer)
      ;[signed, left].forEach((integers, i) => {
        const [toFloat, toTruth, ...same] = fromIntegers.slice(4 * i, 4 * i + 4)
        expect([...new Float32Array(toFloat.buffer)]).toEqual(Array.from(integers, Math.fround))
        expect([...toTruth]).toEqual(Array.from(integers, (x) => Number(x !== 0)))
        for (const words of same) expect([...words]).toEqual([...left])
      })
    })

    it(`logic and conversion of booleans, ${lanes} at a time`, async () => {
      const table: readonly (readonly [ElementwisePrimitive, readonly Dtype[], Dtype, readonly number[]])[] =
        [
          ['and', ['bool', 'bool'], 'bool', [0, 0, 0, 1]],
          ['or', ['bool', 'bool'], 'bool', [0, 1, 1, 1]],
          ['equal', ['bool', 'bool'], 'bool', [1, 0, 0, 1]],
          ['not', ['bool'], 'bool', [1, 1, 0, 0]],
          ['stopGradient', ['bool'], 'bool', [0, 0, 1, 1]],
          ['convert', ['bool'], 'bool', [0, 0, 1, 1]],
          ['convert', ['bool'], 'int32', [0, 0, 1, 1]],
          ['convert', ['bool'], 'uint32', [0, 0, 1, 1]],
          ['convert', ['bool'], 'float32', [0, 0, 0x3f800000, 0x3f800000]],
        ]
      const results = await runExpressions(
        requested!.device,
        table.map(([primitive, from, to]) => applied(primitive, from, to)),
        [Uint32Array.of(0, 0, 1, 1), Uint32Array.of(0, 1, 0, 1)],
        lanes,
      )
      results.forEach((result, i) => expect([...result], table[i].join(' ')).toEqual(table[i][3]))
    })

    it(`select takes its second operand where the first is true, bit for bit, ${lanes} at a time`, async () => {
      const whenTrue = Uint32Array.of(1, 0x7fc00000, 0, 0x80000000)
      const whenFalse = Uint32Array.of(0, 0x7f800000, 1, 0xff800000)
      const results = await runExpressions(
        requested!.device,
        (['int32', 'uint32', 'float32', 'bool'] as const).map((dtype) =>
          applied('select', ['bool', dtype, dtype], dtype),
        ),
        [Uint32Array.of(0, 0, 1, 1), whenTrue, whenFalse],
        lanes,
      )
      const [truth, ...numbers] = results.reverse()
      for (const words of numbers) expect([...words]).toEqual([0, 0x7f800000, 0, 0x80000000])
      expect([...truth]).toEqual([0, 1, 0, 1])
    })
  }
})
