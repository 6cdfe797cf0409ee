/**
 * Panels that are kept from run to run: packed once for an input that stays the same, never stale, and gone when the
 * buffer or the room is. Packing is counted where the program calls it.
 */
import { describe, expect, it } from 'vitest'
import type { DeviceBuffer } from '../backend.ts'
import type { HostArray } from '../hostArray.ts'
import { add, divide, maximum, minimum } from '../operations/arithmetic.ts'
import { dot, dotGeneral } from '../operations/dot.ts'
import type { Program } from '../program/program.ts'
import { arbitraryValues, runProgram, traceBody } from '../testing/programCases.ts'
import { createReferenceBackend } from '../reference/referenceBackend.ts'
import { compileMatrixModule, instantiateMatrixModule } from './matrix/matrixModule.ts'
import { microKernelCandidates } from './matrix/matrixProbe.ts'
import { createScratchArena } from './scratchArena.ts'
import type { ProgramRunner } from './threads/programRunner.ts'
import { WasmAllocator } from './wasmAllocator.ts'
import { allocateBuffer, elementsOf, releaseBuffer } from './wasmBuffer.ts'
import type { WasmContext } from './wasmExecutable.ts'
import { compileForWasm } from './wasmExecutable.ts'

/** A backend in small that counts how often each operand is packed. */
function countingBackend(maximumBytes?: number) {
  const allocator = new WasmAllocator(maximumBytes)
  const { memory } = allocator
  const [kernel] = microKernelCandidates('separate')
  const matrix = instantiateMatrixModule(compileMatrixModule(kernel, allocator), memory)
  const packed = { left: 0, right: 0 }
  const counted = {
    ...matrix,
    packLeft: (...values: number[]) => {
      packed.left++
      matrix.packLeft(...values)
    },
    packRight: (...values: number[]) => {
      packed.right++
      matrix.packRight(...values)
    },
  }
  const runner: ProgramRunner = {
    threads: 1,
    failure: undefined,
    sharedRuns: 0,
    settled: () => Promise.resolve(),
    dispose: () => undefined,
    prepare(module) {
      const { exports } = new WebAssembly.Instance(module, { env: { memory }, matrix: counted })
      const run = exports.run as (table: number, thread: number, threads: number) => void
      return (table) => {
        run(table, 0, 1)
      }
    },
  }
  const context: WasmContext = {
    allocator,
    arena: createScratchArena(allocator),
    runner,
    requireUsable: () => undefined,
    microKernel: () => kernel,
  }
  return {
    allocator,
    packed,
    upload({ dtype, shape, data }: HostArray): DeviceBuffer {
      const buffer = allocateBuffer('upload', { dtype, shape }, allocator)
      elementsOf('upload', buffer, allocator).set(data)
      return buffer
    },
    compile: (program: Program, donate: readonly number[] = []) =>
      compileForWasm(program, { donate }, context),
    read: (buffer: DeviceBuffer) => elementsOf('read', buffer, allocator).slice(),
    release: (buffer: DeviceBuffer) => {
      releaseBuffer('release', buffer, allocator)
    },
  }
}

const float = (seed: number, ...shape: number[]): HostArray => arbitraryValues(shape, 'float32', seed)
/** Large enough to be packed, one unit of packing an operand. */
const product = traceBody([float(1, 80, 20), float(2, 20, 70)], (a, b) => dot(a, b))

async function expected(program: Program, inputs: readonly HostArray[]): Promise<ArrayLike<number>> {
  return (await runProgram(createReferenceBackend(), program, inputs))[0]
}

function expectNear(got: ArrayLike<number>, want: ArrayLike<number>): void {
  expect(got).toHaveLength(want.length)
  const largest = (values: number[]): number =>
    values.reduce((most, each) => Math.max(most, Math.abs(each)), 1)
  const differences = Array.from(want, (value, i) => value - got[i])
  expect(largest(differences.map((each) => 1e5 * each))).toBeLessThan(largest(Array.from(want)) + 1)
}

describe('panels of inputs that stay the same', () => {
  it('are packed in the first run into scratch memory, in the second to be kept, and then no more', async () => {
    const backend = countingBackend()
    const executable = backend.compile(product)
    const a = float(1, 80, 20)
    const weights = backend.upload(a)
    const counts: number[] = []
    for (let run = 0; run < 5; run++) {
      const b = float(10 + run, 20, 70)
      const direction = backend.upload(b)
      const before = { ...backend.packed }
      const [output] = executable.run([weights, direction])
      counts.push(backend.packed.left - before.left)
      expect(backend.packed.right).toBe(before.right + 1)
      expectNear(backend.read(output), await expected(product, [a, b]))
      backend.release(output)
      backend.release(direction)
    }
    expect(counts).toEqual([1, 1, 0, 0, 0])
  })

  it('are shared by programs that pack in the same way, and only by them', () => {
    const backend = countingBackend()
    const [a, b] = [backend.upload(float(1, 80, 20)), backend.upload(float(2, 20, 70))]
    const transposed = traceBody([float(1, 80, 20), float(2, 80, 70)], (x, y) =>
      dotGeneral(x, y, { lhsContract: [0], rhsContract: [0] }),
    )
    const executables = [backend.compile(product), backend.compile(product)]
    for (let run = 0; run < 4; run++) for (const each of executables) backend.release(each.run([a, b])[0])
    expect(backend.packed).toEqual({ left: 2, right: 2 })
    const y = backend.upload(float(3, 80, 70))
    const other = backend.compile(transposed)
    for (let run = 0; run < 4; run++) backend.release(other.run([a, y])[0])
    expect(backend.packed.left).toBe(4)
  })

  it('are told apart by the constants of their prologues: infinities, NaN and the sign of zero', async () => {
    const backend = countingBackend()
    const shapes = [float(1, 80, 20), float(2, 20, 70)] as const
    const [a, b] = shapes.map((array) => backend.upload(array))
    const constants = [Infinity, -Infinity, NaN, 0, -0, 1]
    const programs = constants.map((constant) =>
      traceBody(shapes, (x, y) => {
        const bounded = maximum(minimum(divide(x, constant), 9), -9)
        return dot(add(bounded, maximum(minimum(x, constant), -9)), y)
      }),
    )
    const executables = programs.map((program) => backend.compile(program))
    for (let run = 0; run < 3; run++) {
      for (const [i, executable] of executables.entries()) {
        const [output] = executable.run([a, b])
        const got = backend.read(output)
        backend.release(output)
        const want = await expected(programs[i], shapes)
        if (Number.isNaN(constants[i])) expect(got.every(Number.isNaN)).toBe(true)
        else expectNear(got, want)
      }
    }
  })

  it('go with their buffer: another at the same address is packed anew', async () => {
    const backend = countingBackend()
    const executable = backend.compile(product)
    const b = float(2, 20, 70)
    const right = backend.upload(b)
    for (let round = 0; round < 3; round++) {
      const a = float(20 + round, 80, 20)
      const left = backend.upload(a)
      for (let run = 0; run < 3; run++) {
        const [output] = executable.run([left, right])
        expectNear(backend.read(output), await expected(product, [a, b]))
        backend.release(output)
      }
      backend.release(left)
    }
    expect(backend.packed.left).toBe(6)
    backend.release(right)
    expect(backend.allocator.statistics()).toMatchObject({ liveBuffers: 0, liveBytes: 0 })
  })

  it('are never kept of donated inputs, nor of the buffer that takes over their storage', async () => {
    const backend = countingBackend()
    const types = [float(1, 80, 80), float(2, 80, 80), float(3, 80, 80)]
    const program = traceBody(types, (x, w, acc) =>
      dotGeneral(x, w, { lhsContract: [1], rhsContract: [0] }, acc),
    )
    const donating = backend.compile(program, [2])
    const plain = backend.compile(traceBody([types[0], types[1]], (x, w) => dot(x, w)))
    const [x, w] = [backend.upload(types[0]), backend.upload(types[1])]
    let state = backend.upload(types[2])
    let want = types[2]
    for (let run = 0; run < 4; run++) {
      // The state's panels are kept, then its storage goes to the sum.
      for (let use = 0; use < 3; use++) {
        const [output] = plain.run([x, state])
        expectNear(backend.read(output), await expected(plain.program, [types[0], want]))
        backend.release(output)
      }
      ;[state] = donating.run([x, w, state])
      want = { ...want, data: backend.read(state) }
    }
  })

  it('make room when the memory is full, and are packed in every run while there is none for them', async () => {
    const backend = countingBackend(14 * 65536)
    const inputs = [float(1, 400, 100), float(2, 100, 80)]
    const program = traceBody(inputs, (a, b) => dot(a, b))
    const want = await expected(program, inputs)
    const executable = backend.compile(program)
    const buffers = inputs.map((each) => backend.upload(each))
    const packedByRun = (): number => {
      const before = backend.packed.left
      const [output] = executable.run(buffers)
      expectNear(backend.read(output), want)
      backend.release(output)
      return backend.packed.left - before
    }
    expect([0, 1, 2].map(packedByRun)).toEqual([1, 1, 0])
    // Fits only where the panels are.
    const large = backend.upload(float(3, 95_000))
    expect([0, 1, 2].map(packedByRun)).toEqual([1, 1, 1])
    backend.release(large)
    expect([0, 1, 2].map(packedByRun)).toEqual([1, 0, 0])
  })

  it('take a fourth of the largest memory at most: who comes later has a turn when others have gone', () => {
    const backend = countingBackend(40 * 65536)
    const shapes = [float(1, 400, 100), float(2, 100, 80)]
    const executable = backend.compile(traceBody(shapes, (a, b) => dot(a, b)))
    // Panels of 160 kB each beside those of the right operand, 32 kB, in 655 kB.
    const chunks = Array.from({ length: 5 }, (_, i) => backend.upload(float(3 + i, 400, 100)))
    const right = backend.upload(shapes[1])
    const packedInTurn = (buffers: readonly DeviceBuffer[]): number[] =>
      buffers.map((chunk) => {
        const before = backend.packed.left
        backend.release(executable.run([chunk, right])[0])
        return backend.packed.left - before
      })
    packedInTurn(chunks)
    packedInTurn(chunks)
    expect(packedInTurn(chunks)).toEqual([0, 0, 0, 1, 1])
    backend.release(chunks[1])
    const others = chunks.filter((_, i) => i !== 1)
    expect(packedInTurn(others)).toEqual([0, 0, 1, 1])
    expect(packedInTurn(others)).toEqual([0, 0, 0, 1])
  })
})
