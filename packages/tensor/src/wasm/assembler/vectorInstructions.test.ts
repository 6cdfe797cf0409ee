/**
 * Each class of vector instructions against JavaScript's own arithmetic, lane by lane.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { supportsRelaxedSimd } from './features.ts'
import type { FunctionBuilder } from './functionBuilder.ts'
import { createModuleBuilder } from './moduleBuilder.ts'
import type { vectorInstructions } from './vectorInstructions.ts'

/** Runs a function of vectors that lie at 0, 16 and 32, and whose result is stored at 64. */
function onVectors(body: (f: FunctionBuilder) => void): { memory: WebAssembly.Memory; run: () => void } {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const module = createModuleBuilder()
  module.importMemory('env', 'memory', { minimumPages: 1 })
  module.addFunction(
    { parameters: [], results: [] },
    (f) => {
      f.i32Const(64)
      body(f)
      f.v128Store()
    },
    'run',
  )
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } })
  return { memory, run: instance.exports.run as () => void }
}

const loadBoth = (f: FunctionBuilder) => f.i32Const(0).v128Load().i32Const(0).v128Load(16)

describe('vector arithmetic', () => {
  it('works lane by lane on floats', () => {
    const oracles: [keyof typeof vectorInstructions, (a: number, b: number) => number][] = [
      ['f32x4Add', (a, b) => a + b],
      ['f32x4Sub', (a, b) => a - b],
      ['f32x4Mul', (a, b) => a * b],
      ['f32x4Div', (a, b) => a / b],
      ['f32x4Min', (a, b) => Math.min(a, b)],
      ['f32x4Max', (a, b) => Math.max(a, b)],
      ['f32x4Pmin', (a, b) => (b < a ? b : a)],
      ['f32x4Pmax', (a, b) => (a < b ? b : a)],
    ]
    for (const [name, oracle] of oracles) {
      const { memory, run } = onVectors((f) => loadBoth(f)[name]())
      const lanes = new Float32Array(memory.buffer)
      fc.assert(
        fc.property(fc.array(fc.float(), { minLength: 8, maxLength: 8 }), (values) => {
          lanes.set(values)
          run()
          for (let i = 0; i < 4; i++)
            expect(lanes[16 + i]).toBe(Math.fround(oracle(values[i], values[4 + i])))
        }),
        { numRuns: 50 },
      )
    }
  })

  it('compares into masks and selects by them', () => {
    const { memory, run } = onVectors((f) => {
      loadBoth(f)
      loadBoth(f).f32x4Lt().v128Bitselect()
    })
    const lanes = new Float32Array(memory.buffer)
    lanes.set([1, 5, -2, NaN, 2, 4, -2, 7])
    run()
    expect([...lanes.subarray(16, 20)]).toEqual([1, 4, -2, 7])
  })

  it('works lane by lane on 32-bit integers', () => {
    const oracles: [keyof typeof vectorInstructions, (a: number, b: number) => number][] = [
      ['i32x4Add', (a, b) => (a + b) | 0],
      ['i32x4Sub', (a, b) => (a - b) | 0],
      ['i32x4Mul', (a, b) => Math.imul(a, b)],
      ['i32x4MinS', (a, b) => Math.min(a, b)],
      ['i32x4MaxU', (a, b) => Math.max(a >>> 0, b >>> 0) | 0],
      ['i32x4GtS', (a, b) => (a > b ? -1 : 0)],
      ['i32x4LtU', (a, b) => (a >>> 0 < b >>> 0 ? -1 : 0)],
      ['v128Xor', (a, b) => a ^ b],
      ['v128Andnot', (a, b) => a & ~b],
    ]
    for (const [name, oracle] of oracles) {
      const { memory, run } = onVectors((f) => loadBoth(f)[name]())
      const lanes = new Int32Array(memory.buffer)
      fc.assert(
        fc.property(fc.array(fc.integer(), { minLength: 8, maxLength: 8 }), (values) => {
          lanes.set(values)
          run()
          for (let i = 0; i < 4; i++) expect(lanes[16 + i]).toBe(oracle(values[i], values[4 + i]))
        }),
        { numRuns: 50 },
      )
    }
  })

  it('converts between lane types', () => {
    const cases: [
      (f: FunctionBuilder) => void,
      number[],
      (buffer: ArrayBuffer) => ArrayLike<number>,
      number[],
    ][] = [
      [
        (f) => f.i32Const(0).v128Load().i32x4TruncSatF32x4S(),
        [1.7, -1.7, 1e20, NaN],
        (buffer) => new Int32Array(buffer, 64, 4),
        [1, -1, 2 ** 31 - 1, 0],
      ],
      [
        (f) => f.i32Const(0).v128Load().f64x2PromoteLowF32x4(),
        [1.5, -0.25, 9, 9],
        (buffer) => new Float64Array(buffer, 64, 2),
        [1.5, -0.25],
      ],
      [
        (f) => f.i32Const(0).v128Load().i32x4TruncSatF32x4S().f32x4ConvertI32x4S(),
        [3.9, -3.9, 0, 7],
        (buffer) => new Float32Array(buffer, 64, 4),
        [3, -3, 0, 7],
      ],
      [
        (f) => f.i32Const(0).v128Load().f64x2PromoteLowF32x4().f64x2Sqrt().f32x4DemoteF64x2Zero(),
        [4, 2.25, 9, 9],
        (buffer) => new Float32Array(buffer, 64, 4),
        [2, 1.5, 0, 0],
      ],
    ]
    for (const [body, input, view, expected] of cases) {
      const { memory, run } = onVectors(body)
      new Float32Array(memory.buffer).set(input)
      run()
      expect([...Array.from(view(memory.buffer))]).toEqual(expected)
    }
  })

  it('shuffles, extracts and replaces lanes', () => {
    const { memory, run } = onVectors((f) => {
      loadBoth(f).i32x4Shuffle([0, 4, 1, 5]).i32Const(0).v128Load(16).f32x4ExtractLane(3).f32x4ReplaceLane(2)
    })
    const lanes = new Float32Array(memory.buffer)
    lanes.set([1, 2, 3, 4, 5, 6, 7, 8])
    run()
    expect([...lanes.subarray(16, 20)]).toEqual([1, 5, 8, 6])
  })

  it('loads splats, zeros and lanes', () => {
    const { memory, run } = onVectors((f) =>
      f
        .i32Const(0)
        .v128Load32Splat(4)
        .i32Const(0)
        .i32Const(0)
        .v128Load32Zero(8)
        .v128Load32Lane(2, 12)
        .f32x4Add(),
    )
    const lanes = new Float32Array(memory.buffer)
    lanes.set([1, 2, 3, 4])
    run()
    expect([...lanes.subarray(16, 20)]).toEqual([5, 2, 6, 2])
  })

  it('fuses multiply and add where relaxed SIMD exists', ({ skip }) => {
    if (!supportsRelaxedSimd()) skip('this engine has no relaxed SIMD')
    const { memory, run } = onVectors((f) => loadBoth(f).i32Const(0).v128Load(32).f32x4RelaxedMadd())
    const lanes = new Float32Array(memory.buffer)
    lanes.set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    run()
    expect([...lanes.subarray(16, 20)]).toEqual([14, 22, 32, 44])
  })
})
