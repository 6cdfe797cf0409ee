/**
 * Tensors beyond 2 GiB, where addresses are negative as signed numbers: every operator and program at both ends of the
 * upper half of the memory, on one thread and on two. What lies below is reserved, but never touched, so that it costs
 * nothing.
 */
import { afterAll, describe, expect, it } from 'vitest'
import type { Backend } from '../backend.ts'
import type { PrimitiveName } from '../program/primitive.ts'
import type { OperatorCase } from '../testing/operatorCase.ts'
import { operatorCases } from '../testing/operatorCases.ts'
import { checkOperatorCase } from '../testing/operatorCheck.ts'
import { dot } from '../operations/dot.ts'
import { slice } from '../operations/movement.ts'
import { sum } from '../operations/reduction.ts'
import { checkProgramCase, programCases, traceBody } from '../testing/programCases.ts'
import { microKernelCandidates } from './matrix/matrixProbe.ts'
import { createScratchArena } from './scratchArena.ts'
import { createProgramRunner } from './threads/programRunner.ts'
import { largestMemoryBytes, WasmAllocator } from './wasmAllocator.ts'
import { addressOf, allocateBuffer, elementsOf, releaseBuffer } from './wasmBuffer.ts'
import { compileForWasm } from './wasmExecutable.ts'

/** The backend without its checks, above so many bytes; undefined where the system does not give as much. */
function backendAbove(bytes: number, threads: number) {
  const allocator = new WasmAllocator(largestMemoryBytes, threads > 1)
  if (allocator.take(bytes) === undefined) return undefined
  const [kernel] = microKernelCandidates('separate')
  const microKernel = () => kernel
  const policy = { isWorthThreads: () => true, waits: true }
  const runner = createProgramRunner(allocator, { threads, microKernel, policy })
  const arena = createScratchArena(allocator)
  const context = { allocator, arena, runner, microKernel, requireUsable: () => undefined }
  let lowest = Infinity
  const backend: Backend = {
    name: `wasm above ${bytes}`,
    supports: (dtype) => dtype !== 'float64',
    tolerance: (dtype) => (dtype === 'float32' ? 2 ** -23 : 0),
    upload({ dtype, shape, data }) {
      const buffer = allocateBuffer('upload', { dtype, shape }, allocator)
      elementsOf('upload', buffer, allocator).set(data)
      lowest = Math.min(lowest, addressOf('upload', buffer, allocator))
      return buffer
    },
    read: async (buffer) => elementsOf('read', buffer, allocator).slice(),
    release: (buffer) => {
      releaseBuffer('release', buffer, allocator)
    },
    compile: (program, options = {}) => compileForWasm(program, options, context),
    synchronize: () => runner.settled(),
    memory: () => allocator.statistics(),
    dispose: () => {
      runner.dispose()
    },
  }
  return { backend, allocator, lowest: () => lowest }
}

const middle = 2 ** 31 - 2048
const top = largestMemoryBytes - 48 * 2 ** 20

describe.each([
  { bytes: middle, threads: 1 },
  { bytes: middle, threads: 2 },
  { bytes: top, threads: 1 },
])('above $bytes bytes, $threads threads', ({ bytes, threads }) => {
  const made = backendAbove(bytes, threads)
  afterAll(() => {
    made?.backend.dispose()
  })

  it('every primitive and program is right', async ({ skip }) => {
    if (made === undefined) skip('the system refuses a memory of this size')
    const { backend, lowest } = made!
    for (const name of Object.keys(operatorCases) as PrimitiveName[]) {
      for (const each of operatorCases[name]) {
        await checkOperatorCase(backend, name, each as OperatorCase<PrimitiveName>)
      }
    }
    for (const each of Object.values(programCases)) await checkProgramCase(backend, each)
    expect(lowest()).toBeGreaterThanOrEqual(bytes)
  })
})

const wide = 2 ** 28

it.skipIf(backendAbove(12 * wide, 1) === undefined)(
  '(skipped where the system refuses the memory) rows that lie gigabytes apart are found',
  async () => {
    const { backend, allocator } = backendAbove(0, 1)!
    const x = { shape: [3, wide], dtype: 'float32' as const }
    const buffer = allocateBuffer('upload', x, allocator)
    const elements = elementsOf('upload', buffer, allocator)
    const columns = 32
    const rows = Array.from({ length: 3 }, (_, i) =>
      Float32Array.from({ length: columns }, (_, j) => i + 1 + j / 8),
    )
    rows.forEach((row, i) => {
      elements.set(row, (i + 1) * wide - columns)
    })
    const program = traceBody([{ ...x, data: new Float32Array(0) }], (all) => {
      const last = slice(all, [0, wide - columns], [3, wide])
      return [last, sum(last, 1), dot(last, last.transpose())]
    })
    const results = await Promise.all(
      backend
        .compile(program)
        .run([buffer])
        .map((each) => backend.read(each)),
    )
    const product = (a: Float32Array, b: Float32Array): number =>
      a.reduce((total, value, j) => total + value * b[j], 0)
    const ones = new Float32Array(columns).fill(1)
    expect(results.map((each) => [...each])).toEqual([
      rows.flatMap((row) => [...row]),
      rows.map((row) => product(row, ones)),
      rows.flatMap((row) => rows.map((other) => product(row, other))),
    ])
  },
)
