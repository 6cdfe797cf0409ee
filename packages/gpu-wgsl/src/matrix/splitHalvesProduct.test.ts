/**
 * The arithmetic of products from two float16 halves, modelled in TypeScript: the same scaling, splitting and order of
 * sums as the shaders, with every operation rounded as float16 or float32. What it proves about accuracy holds for any
 * device that rounds alike; bench/gpu/lavapipe compares the shaders themselves with float64.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeFloat16, encodeFloat16, roundToFloat16 } from '../testing/float16.ts'
import type { ProductProblem } from '../testing/productAccuracy.ts'
import { badlyScaled, errorsOf, float32Bound, splitHalvesBound, uniform } from '../testing/productAccuracy.ts'

const { fround } = Math

/** E of a row or column, from the bits, as the shader has it. */
function exponentOf(values: readonly number[]): number {
  const bits = new Uint32Array(Float32Array.from(values, Math.abs).buffer)
  const largest = bits.reduce((a, b) => Math.max(a, b), 0)
  return Math.min(127, Math.max(-112, (largest >>> 23) - 127))
}

/** High and low half of x · 2^(14−E). */
function halves(x: number, exponent: number, flush: boolean): [number, number] {
  const toHalf = (value: number): number => (flush && Math.abs(value) < 2 ** -14 ? 0 : roundToFloat16(value))
  const scaled = fround(x * 2 ** (14 - exponent))
  const high = roundToFloat16(scaled)
  // The shader subtracts the number of 11 bits, which a float16 may have no room for.
  const elevenBits = Math.abs(scaled) < 2 ** -14 ? scaled : high
  return [toHalf(high), Math.abs(scaled) < 2 ** -14 ? 0 : toHalf(fround(scaled - elevenBits))]
}

interface Model {
  readonly staged?: boolean
  /** Subnormal float16 numbers become zero. */
  readonly flush?: boolean
  /** Sums without rounding, which shows the error of the splitting alone. */
  readonly exactSums?: boolean
}

function splitProduct(
  problem: ProductProblem,
  { staged = false, flush = false, exactSums = false }: Model = {},
): Float32Array {
  const round = exactSums ? (x: number): number => x : fround
  const { rows, columns, depth, lhs, rhs } = problem
  const left = Array.from({ length: rows }, (_, i) => [...lhs.subarray(i * depth, (i + 1) * depth)])
  const right = Array.from({ length: columns }, (_, j) =>
    Array.from({ length: depth }, (_, k) => rhs[k * columns + j]),
  )
  const split = (lines: number[][]): { exponent: number; pairs: [number, number][] }[] =>
    lines.map((line) => {
      const exponent = exponentOf(line)
      return { exponent, pairs: line.map((x) => halves(x, exponent, flush)) }
    })
  const [splitLeft, splitRight] = [split(left), split(right)]
  const terms = [
    [1, 0],
    [0, 1],
    [0, 0],
  ]
  const result = new Float32Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const [a, b] = [splitLeft[i], splitRight[j]]
      let sum = 0
      const add = (k: number, [p, q]: number[]): void => {
        sum = round(sum + a.pairs[k][p] * b.pairs[k][q])
      }
      if (staged) for (let k = 0; k < depth; k++) for (const term of terms) add(k, term)
      else for (const term of terms) for (let k = 0; k < depth; k++) add(k, term)
      result[i * columns + j] = sum * 2 ** (a.exponent + b.exponent - 28)
    }
  }
  return result
}

/** The float32 product as a plain loop. */
function float32Product({ rows, columns, depth, lhs, rhs }: ProductProblem): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    let sum = 0
    for (let k = 0; k < depth; k++) {
      sum = fround(sum + lhs[Math.floor(at / columns) * depth + k] * rhs[k * columns + (at % columns)])
    }
    return sum
  })
}

const problemOf = (
  kind: 'uniform' | 'badly scaled' | 'positive',
  depth: number,
  seed: number,
): ProductProblem => {
  const [rows, columns] = [12, 10]
  if (kind === 'badly scaled') {
    return {
      ...{ rows, columns, depth },
      lhs: badlyScaled(rows, depth, seed, 'row'),
      rhs: badlyScaled(depth, columns, seed + 1, 'column'),
    }
  }
  const change = kind === 'positive' ? Math.abs : (x: number): number => x
  return {
    ...{ rows, columns, depth },
    lhs: uniform(rows * depth, seed).map(change),
    rhs: uniform(depth * columns, seed + 1).map(change),
  }
}

describe('float16 in TypeScript', () => {
  it('decodes and encodes every finite number, and rounds to the nearest of them', () => {
    const numbers = [...Array(0x7c00).keys()].map(decodeFloat16)
    numbers.forEach((value, bits) => {
      expect(encodeFloat16(value)).toBe(bits)
      expect(encodeFloat16(-value)).toBe(bits | 0x8000)
      if (bits === 0) return
      const [below, middle] = [numbers[bits - 1], (numbers[bits - 1] + value) / 2]
      expect(roundToFloat16(middle)).toBe(bits % 2 === 0 ? value : below)
      expect(roundToFloat16(middle * (1 + 2 ** -40))).toBe(value)
      expect(roundToFloat16(middle * (1 - 2 ** -40))).toBe(below)
    })
    expect(roundToFloat16(65_519)).toBe(65_504)
    expect(roundToFloat16(65_520)).toBe(Infinity)
  })
})

describe('the float32 product from two float16 halves', () => {
  const depths = [1, 7, 64, 500, 3000]

  for (const kind of ['uniform', 'positive', 'badly scaled'] as const) {
    it(`keeps within the stated bound for ${kind} data at every depth, staged and not`, () => {
      for (const depth of depths) {
        const problem = problemOf(kind, depth, depth)
        for (const staged of [false, true]) {
          const { shareOfBound } = errorsOf(
            problem,
            splitProduct(problem, { staged }),
            splitHalvesBound(problem, staged),
          )
          expect(shareOfBound).toBeLessThanOrEqual(1)
        }
      }
    })
  }

  it('with subnormal halves flushed to zero, the part of the bound for tiny elements grows to 2^-27', () => {
    for (const depth of depths) {
      const problem = problemOf('badly scaled', depth, 100 + depth)
      const bound = splitHalvesBound(problem, false)
      const found = splitProduct(problem, { flush: true })
      const { shareOfBound } = errorsOf(problem, found, (scales) => bound(scales) + 2 ** -27 * scales.largest)
      expect(shareOfBound).toBeLessThanOrEqual(1)
    }
  })

  it('the splitting alone costs less than two roundings of float32 in sums of 64 terms and more', () => {
    for (const kind of ['uniform', 'positive'] as const) {
      for (const depth of depths) {
        const problem = problemOf(kind, depth, 200 + depth)
        const { error } = errorsOf(problem, splitProduct(problem, { exactSums: true }), float32Bound(problem))
        expect(error).toBeLessThanOrEqual(depth >= 64 ? 2 ** -23 : 2 ** -21)
      }
    }
  })

  it('errs no more than three times as much as a float32 loop, and 2^-21 more in sums of few terms', () => {
    for (const depth of depths) {
      const problem = problemOf('uniform', depth, 200 + depth)
      const bound = float32Bound(problem)
      const split = errorsOf(problem, splitProduct(problem), bound)
      const plain = errorsOf(problem, float32Product(problem), bound)
      expect(plain.error).toBeGreaterThan(0)
      expect(split.error).toBeLessThanOrEqual(3 * plain.error + (depth >= 64 ? 2 ** -23 : 2 ** -21))
    }
  })

  it('is a hundred times more accurate than a float16 product', () => {
    const problem = problemOf('uniform', 500, 11)
    const rounded = {
      ...problem,
      lhs: problem.lhs.map(roundToFloat16),
      rhs: problem.rhs.map(roundToFloat16),
    }
    const bound = float32Bound(problem)
    const half = errorsOf(problem, float32Product(rounded), bound).error
    expect(errorsOf(problem, splitProduct(problem), bound).error).toBeLessThan(half / 100)
  })

  it('the bound tells a wrong scheme from a right one: without A_l·B_h, or without scaling, it is exceeded', () => {
    const problem = problemOf('badly scaled', 64, 12)
    const found = splitProduct(problem)
    const bound = splitHalvesBound(problem, false)
    const lossy = { ...problem, lhs: problem.lhs.map((x) => fround(x * (1 + 2 ** -14))) }
    expect(errorsOf(problem, found, bound).shareOfBound).toBeLessThanOrEqual(1)
    expect(errorsOf(problem, splitProduct(lossy), bound).shareOfBound).toBeGreaterThan(1)
    const unscaled = {
      ...problem,
      lhs: problem.lhs.map(roundToFloat16),
      rhs: problem.rhs.map(roundToFloat16),
    }
    expect(errorsOf(problem, float32Product(unscaled), bound).shareOfBound).toBeGreaterThan(1)
  })

  it('any float32 number is the sum of its halves to 2^-23, or to 2^-39 of its row’s largest (property)', () => {
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        (x, other) => {
          const exponent = exponentOf([x, other])
          const largest = Math.max(Math.abs(x), Math.abs(other))
          fc.pre(largest >= 2 ** -112)
          const [high, low] = halves(x, exponent, false)
          const error = Math.abs((high + low) * 2 ** (exponent - 14) - x)
          expect(Math.abs(high)).toBeLessThanOrEqual(2 ** 15)
          expect(error).toBeLessThanOrEqual(Math.max(2 ** -23 * Math.abs(x), 2 ** -39 * largest))
        },
      ),
      { numRuns: 2000 },
    )
  })
})
