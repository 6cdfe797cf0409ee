/**
 * Every instruction of the tables is validated by the engine, and the scalar ones, modules and control
 * flow are run against JavaScript's own arithmetic (vectors: vectorInstructions.test.ts).
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArgumentError } from '../../errors.ts'
import { countedLoop } from './countedLoop.ts'
import { signedLeb, unsignedLeb } from './encoding.ts'
import { supportsRelaxedSimd, supportsSimd } from './features.ts'
import type { FunctionBuilder, ValueType } from './functionBuilder.ts'
import { memoryInstructions, memoryLaneInstructions } from './memoryInstructions.ts'
import type { FunctionBody, ModuleBuilder, Signature } from './moduleBuilder.ts'
import { createModuleBuilder } from './moduleBuilder.ts'
import { miscellaneousInstructions, scalarInstructions } from './scalarInstructions.ts'
import { laneInstructions, vectorInstructions } from './vectorInstructions.ts'

type Exported = (...values: (number | bigint)[]) => number | bigint

function instantiate(module: ModuleBuilder, imports: WebAssembly.Imports = {}): Record<string, Exported> {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), imports)
  return instance.exports as Record<string, Exported>
}

function compile(signature: Signature, body: FunctionBody, memory?: WebAssembly.Memory): Exported {
  const module = createModuleBuilder()
  if (memory !== undefined) module.importMemory('env', 'memory', { minimumPages: 1 })
  module.addFunction(signature, body, 'run')
  return instantiate(module, memory === undefined ? {} : { env: { memory } }).run
}

describe('number encodings', () => {
  it('writes the examples of the LEB128 definition', () => {
    expect(unsignedLeb(624485)).toEqual([0xe5, 0x8e, 0x26])
    expect(signedLeb(-123456)).toEqual([0xc0, 0xbb, 0x78])
    expect(unsignedLeb(0)).toEqual([0])
    expect(signedLeb(64)).toEqual([0xc0, 0x00])
  })

  it('refuses what an unsigned 32-bit integer cannot hold', () => {
    expect(() => unsignedLeb(-1)).toThrow(ArgumentError)
    expect(() => unsignedLeb(2 ** 32)).toThrow(ArgumentError)
    expect(() => unsignedLeb(1.5)).toThrow(ArgumentError)
  })

  it('gives constants back exactly', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
        fc.float(),
        fc.double(),
        (i, l, s, d) => {
          const constant = (type: ValueType, emit: FunctionBody) =>
            compile({ parameters: [], results: [type] }, emit)()
          expect(constant('i32', (f) => f.i32Const(i))).toBe(i)
          expect(constant('i64', (f) => f.i64Const(l))).toBe(l)
          expect(constant('f32', (f) => f.f32Const(s))).toBe(s)
          expect(constant('f64', (f) => f.f64Const(d))).toBe(d)
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('the opcode tables', () => {
  it('hold only instructions that the engine accepts', () => {
    expect(supportsSimd()).toBe(true)
    const relaxed = supportsRelaxedSimd()
    const names = [
      ...Object.keys(scalarInstructions),
      ...Object.keys(miscellaneousInstructions),
      ...Object.keys(vectorInstructions),
      ...Object.keys(laneInstructions),
      ...Object.keys(memoryInstructions),
      ...Object.keys(memoryLaneInstructions),
    ]
    for (const name of names) {
      if (name.includes('Relaxed') && !relaxed) continue
      // Behind `unreachable` the stack holds any types, so one body validates every instruction.
      const module = createModuleBuilder()
      module.importMemory('env', 'memory', { minimumPages: 1 })
      module.addFunction({ parameters: [], results: [] }, (f) => {
        f.unreachable()
        const method = (f as unknown as Record<string, () => FunctionBuilder>)[name]
        method.call(f)
        f.unreachable()
      })
      expect(WebAssembly.validate(module.build()), name).toBe(true)
    }
    expect(names.length).toBeGreaterThan(250)
  })
})

describe('scalar arithmetic', () => {
  const binary = (type: ValueType, result: ValueType, name: keyof typeof scalarInstructions) =>
    compile({ parameters: [type, type], results: [result] }, (f, [a, b]) => f.localGet(a).localGet(b)[name]())

  it('of 32-bit integers wraps and orders as JavaScript does', () => {
    const oracles: [keyof typeof scalarInstructions, (a: number, b: number) => number][] = [
      ['i32Add', (a, b) => (a + b) | 0],
      ['i32Sub', (a, b) => (a - b) | 0],
      ['i32Mul', (a, b) => Math.imul(a, b)],
      ['i32And', (a, b) => a & b],
      ['i32Or', (a, b) => a | b],
      ['i32Xor', (a, b) => a ^ b],
      ['i32Shl', (a, b) => a << b],
      ['i32ShrS', (a, b) => a >> b],
      ['i32ShrU', (a, b) => (a >>> b) | 0],
      ['i32Rotl', (a, b) => (a << b) | (b % 32 === 0 ? 0 : a >>> -b)],
      ['i32LtS', (a, b) => Number(a < b)],
      ['i32LtU', (a, b) => Number(a >>> 0 < b >>> 0)],
      ['i32GeS', (a, b) => Number(a >= b)],
      ['i32GtU', (a, b) => Number(a >>> 0 > b >>> 0)],
      ['i32Eq', (a, b) => Number(a === b)],
    ]
    for (const [name, oracle] of oracles) {
      const run = binary('i32', 'i32', name)
      fc.assert(
        fc.property(fc.integer(), fc.integer(), (a, b) => run(a, b) === oracle(a, b)),
        { numRuns: 50 },
      )
    }
  })

  it('of 64-bit integers multiplies and shifts as BigInt does', () => {
    const mul = binary('i64', 'i64', 'i64Mul')
    const shift = binary('i64', 'i64', 'i64ShrU')
    const int64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)
    fc.assert(
      fc.property(int64, int64, fc.bigInt(0n, 63n), (a, b, count) => {
        expect(mul(a, b)).toBe(BigInt.asIntN(64, a * b))
        expect(shift(a, count)).toBe(BigInt.asIntN(64, BigInt.asUintN(64, a) >> count))
      }),
    )
  })

  it('of floats rounds once', () => {
    const names = ['Add', 'Sub', 'Mul', 'Div'] as const
    const exact = [
      (a: number, b: number) => a + b,
      (a: number, b: number) => a - b,
      (a: number, b: number) => a * b,
      (a: number, b: number) => a / b,
    ]
    names.forEach((name, i) => {
      const single = binary('f32', 'f32', `f32${name}`)
      const double = binary('f64', 'f64', `f64${name}`)
      fc.assert(
        fc.property(fc.float(), fc.float(), fc.double(), fc.double(), (a, b, c, d) => {
          expect(single(a, b)).toBe(Math.fround(exact[i](a, b)))
          expect(double(c, d)).toBe(exact[i](c, d))
        }),
      )
    })
  })

  it('converts with saturation where asked', () => {
    const run = compile({ parameters: ['f32'], results: ['i32'] }, (f, [x]) =>
      f.localGet(x).i32TruncSatF32S(),
    )
    expect([1e20, -1e20, NaN, -1.9, 2.9].map((x) => run(x))).toEqual([2 ** 31 - 1, -(2 ** 31), 0, -1, 2])
    const bits = compile({ parameters: ['f32'], results: ['i32'] }, (f, [x]) =>
      f.localGet(x).i32ReinterpretF32(),
    )
    expect(bits(1)).toBe(0x3f800000)
  })
})

describe('modules', () => {
  it('call imported functions, each other, and through a table', () => {
    const module = createModuleBuilder()
    const signature: Signature = { parameters: ['i32'], results: ['i32'] }
    const twice = module.importFunction('env', 'twice', signature)
    module.importTable('env', 'table', 1)
    const next = module.addFunction(
      signature,
      (f, [x]) => f.localGet(x).call(twice).i32Const(1).i32Add(),
      'next',
    )
    module.addFunction(signature, (f, [x]) => f.localGet(x).call(next).call(next), 'nextNext')
    module.addFunction(
      signature,
      (f, [x]) => f.localGet(x).i32Const(0).callIndirect(module.type(signature)),
      'indirect',
    )
    const table = new WebAssembly.Table({ initial: 1, element: 'anyfunc' })
    const run = instantiate(module, { env: { twice: (x: number) => 2 * x, table } })
    table.set(0, run.next)
    expect([run.next(5), run.nextNext(5), run.indirect(7)]).toEqual([11, 23, 15])
  })

  it('refuse an import that comes after a function', () => {
    const module = createModuleBuilder()
    module.addFunction({ parameters: [], results: [] }, (f) => f.nop())
    expect(() => module.importFunction('env', 'late', { parameters: [], results: [] })).toThrow(/env\.late/)
  })

  it('accept shared memory, fill and copy it', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true })
    const module = createModuleBuilder()
    module.importMemory('env', 'memory', { minimumPages: 1, maximumPages: 2, shared: true })
    module.addFunction(
      { parameters: [], results: [] },
      (f) =>
        f.i32Const(8).i32Const(7).i32Const(4).memoryFill().i32Const(2).i32Const(8).i32Const(3).memoryCopy(),
      'run',
    )
    instantiate(module, { env: { memory } }).run()
    expect([...new Uint8Array(memory.buffer, 0, 13)]).toEqual([0, 0, 7, 7, 7, 0, 0, 0, 7, 7, 7, 7, 0])
  })
})

describe('control flow', () => {
  it('counts a loop from, to and by what it was told, and runs nothing for an empty range', () => {
    const run = compile({ parameters: ['i32'], results: ['i32'] }, (f, [end]) => {
      const counter = f.local('i32')
      const sum = f.local('i32')
      countedLoop(f, { counter, start: 3, end, step: 4 }, () =>
        f.localGet(sum).localGet(counter).i32Add().localSet(sum),
      )
      f.localGet(sum)
    })
    for (const end of [-5, 0, 3, 4, 7, 8, 50]) {
      let expected = 0
      for (let i = 3; i < end; i += 4) expected += i
      expect(run(end)).toBe(expected)
    }
  })

  it('branches to outer labels from inner blocks and keeps local types in order', () => {
    const run = compile({ parameters: ['i32'], results: ['f64'] }, (f, [x]) => {
      const vector = f.local('v128')
      const result = f.local('f64')
      const other = f.local('v128')
      f.f64Const(-1).localSet(result)
      f.block((outer) => {
        f.block(() => {
          f.localGet(x).i32Eqz().brIf(outer)
          f.localGet(x).i32Const(1).i32Eq()
          f.ifElse(
            () => {
              f.f64Const(10).localSet(result).br(outer)
            },
            () => {
              f.f64x2Const(20).localTee(vector).localSet(other)
            },
          )
        })
        f.localGet(other).f64x2ExtractLane(1).localSet(result)
      })
      f.localGet(result)
    })
    expect([run(0), run(1), run(2)]).toEqual([-1, 10, 20])
  })
})
