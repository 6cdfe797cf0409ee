/**
 * That a deterministic backend uses no relaxed instruction anywhere: the bytes of every module that it hands to the
 * engine are searched, for products on every path, prologues, epilogues, and reductions.
 */
import { afterEach, describe, expect, it } from 'vitest'
import type { HostArray } from '../../hostArray.ts'
import { add, multiply } from '../../operations/arithmetic.ts'
import { dot } from '../../operations/dot.ts'
import { tanh } from '../../operations/elementary.ts'
import { transpose } from '../../operations/movement.ts'
import type { Program } from '../../program/program.ts'
import { arbitraryValues, programCases, runProgram, traceBody } from '../../testing/programCases.ts'
import { supportsRelaxedSimd } from '../assembler/features.ts'
import { createModuleBuilder } from '../assembler/moduleBuilder.ts'
import { createWasmBackend } from '../wasmBackend.ts'
import type { MicroKernel } from './matrixMicroKernel.ts'
import { microKernelBody, microKernelSignature } from './matrixMicroKernel.ts'
import { importMemory } from './matrixModule.ts'
import { microKernelCandidates } from './matrixProbe.ts'
import { matrixVectorSignature, rowDotsBody } from './matrixVector.ts'

const { Module } = WebAssembly

afterEach(() => {
  WebAssembly.Module = Module
})

/** The modules that are compiled while a function runs. */
async function modulesOf(run: () => Promise<void>): Promise<Uint8Array[]> {
  const found: Uint8Array[] = []
  WebAssembly.Module = new Proxy(Module, {
    construct(target, [bytes]: [Uint8Array<ArrayBuffer>]) {
      found.push(bytes)
      return new target(bytes)
    },
  })
  await run()
  WebAssembly.Module = Module
  return found
}

/** Relaxed SIMD takes the opcodes 0x100 to 0x12f after the prefix 0xfd; as LEB128, their second byte is 2. */
const usesRelaxed = (bytes: Uint8Array): boolean =>
  bytes.some((byte, i) => byte === 0xfd && bytes[i + 1] >= 0x80 && bytes[i + 1] < 0xb0 && bytes[i + 2] === 2)

/** [rows, depth, columns] of products that go each way: packed, in place, one row or column, deep. */
const paths = [
  [70, 30, 90],
  [70, 30, 20],
  [7, 30, 90],
  [5, 30, 3],
  [9, 30, 12],
  [1, 30, 90],
  [90, 30, 1],
  [6, 5500, 5],
  [1, 5500, 2],
] as const

const products = paths.flatMap(([rows, depth, columns]): readonly (readonly [Program, HostArray[]])[] => {
  const a = arbitraryValues([rows, depth], 'float32', 1)
  const b = arbitraryValues([depth, columns], 'float32', 2)
  const turned = arbitraryValues([columns, depth], 'float32', 3)
  return [
    [traceBody([a, b], (x, y) => dot(x, y)), [a, b]],
    [traceBody([a, turned], (x, y) => tanh(add(dot(multiply(x, x), transpose(y)), 1))), [a, turned]],
  ]
})

async function runAll(deterministic: boolean): Promise<Uint8Array[]> {
  const backend = createWasmBackend({ deterministic, threads: 1 })
  try {
    return await modulesOf(async () => {
      for (const [program, inputs] of products) await runProgram(backend, program, inputs)
      for (const [inputs, body] of Object.values(programCases))
        await runProgram(backend, traceBody(inputs, body), inputs)
    })
  } finally {
    backend.dispose()
  }
}

describe('a relaxed instruction', () => {
  it('is in no module of a deterministic backend', async () => {
    const modules = await runAll(true)
    expect(modules.length).toBeGreaterThan(products.length + Object.keys(programCases).length)
    expect(modules.filter(usesRelaxed)).toEqual([])
  })

  it('would be found', () => {
    const bytesOf = (kernel: MicroKernel) => {
      const module = createModuleBuilder()
      importMemory(module, {})
      module.addFunction(microKernelSignature, microKernelBody(kernel))
      module.addFunction(matrixVectorSignature, rowDotsBody(kernel.multiplyAdd))
      return module.build()
    }
    expect(microKernelCandidates('relaxed').map(bytesOf).every(usesRelaxed)).toBe(true)
    expect(microKernelCandidates('separate').map(bytesOf).some(usesRelaxed)).toBe(false)
  })

  it('is found in modules of any other backend', async ({ skip }) => {
    if (!supportsRelaxedSimd()) skip('this engine has no relaxed SIMD')
    const modules = await runAll(false)
    // Of the probe, of the shared functions, and of each program that reads operands in place.
    expect(modules.filter(usesRelaxed).length).toBeGreaterThan(4)
  })
})
