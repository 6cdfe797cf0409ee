/**
 * A program compiled to WebAssembly: shared passes → kernels → memory plan → one module, and the order in which
 * its functions and the shared matrix product are called.
 *
 * All that depends on the program is decided here, once. A run fills the address table, makes the calls and
 * allocates nothing but its outputs: scratch buffers lie in the backend's arena,
 *   [address table | pools of the memory plan | scratch of the largest matrix product].
 */
import type { CompileOptions, DeviceBuffer, Executable } from '../backend.ts'
import { BackendError } from '../errors.ts'
import { requireInputs } from '../executableInputs.ts'
import type { DotKernel, KernelProgram, MemoryPlan } from '../kernel/kernel.ts'
import { summarize } from '../kernel/kernelCost.ts'
import { lower } from '../kernel/lower.ts'
import { planMemory } from '../kernel/memoryPlan.ts'
import { optimise } from '../passes/optimise.ts'
import type { Program } from '../program/program.ts'
import { printProgram } from '../program/programPrinter.ts'
import type { MicroKernel } from './matrix/matrixMicroKernel.ts'
import type { MatrixFunctions, MemoryImport } from './matrix/matrixModule.ts'
import type { MatrixAddresses, MatrixLayout, MatrixProductPlan } from './matrix/matrixProduct.ts'
import { planMatrixProduct } from './matrix/matrixProduct.ts'
import type { ProgramStep } from './programModule.ts'
import { programModule } from './programModule.ts'
import type { ScratchArena } from './scratchArena.ts'
import type { WasmAllocator } from './wasmAllocator.ts'
import { alignment } from './wasmAllocator.ts'
import { addressOf, allocateBuffer, releaseBuffer, takeOverBuffer } from './wasmBuffer.ts'

/** What executables of one backend share. */
export interface WasmContext {
  readonly allocator: WasmAllocator
  readonly arena: ScratchArena
  readonly memoryImport: MemoryImport
  /** @throws {BackendError} once the backend has been disposed of. */
  requireUsable(operation: string): void
  /** The matrix product module, made when the first product is compiled. */
  matrix(): { readonly kernel: MicroKernel; readonly functions: MatrixFunctions }
}

/** Where things lie in the arena, from its start. */
interface ArenaLayout {
  readonly poolOffsets: readonly number[]
  readonly productOffset: number
  readonly bytes: number
}

/** Addresses of the run in progress: the arena, and buffers by index. */
interface RunState {
  table: number
  readonly addresses: number[]
}

type Step = () => void

const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment

/** The strides of a view over [batch, rows, columns]; a single column counts as contiguous. */
const layoutOf = ({ strides }: DotKernel['lhs']['view']): MatrixLayout => ({
  batchStride: strides[0],
  rowStride: strides[1],
  columnStride: strides[2],
})

function planProduct(kernel: DotKernel, context: WasmContext): MatrixProductPlan {
  const { batch, rows, columns, depth, lhs, rhs, accumulator, stores } = kernel
  const product = {
    batch,
    rows,
    columns,
    depth,
    left: layoutOf(lhs.view),
    right: layoutOf(rhs.view),
    output: layoutOf(stores[0].view),
    ...(accumulator === undefined ? {} : { accumulator: layoutOf(accumulator.view) }),
  }
  const { kernel: microKernel, functions } = context.matrix()
  return planMatrixProduct(product, microKernel, functions)
}

function layOutArena(
  { buffers }: KernelProgram,
  { poolBytes }: MemoryPlan,
  products: readonly (MatrixProductPlan | undefined)[],
): ArenaLayout {
  let end = aligned(4 * buffers.length)
  const poolOffsets = poolBytes.map((bytes) => {
    const offset = end
    end += aligned(bytes)
    return offset
  })
  const productBytes = products.reduce((most, plan) => Math.max(most, plan?.scratchBytes ?? 0), 0)
  return { poolOffsets, productOffset: end, bytes: end + aligned(productBytes) }
}

function instantiate(
  program: Program,
  bytes: Uint8Array<ArrayBuffer>,
  { memory }: MemoryImport,
): WebAssembly.Exports {
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports
  } catch (cause) {
    throw new BackendError({
      operation: `compile ${program.name}`,
      rule: 'the emitted WebAssembly module must be valid',
      found: `${cause instanceof Error ? cause.message : String(cause)}\n${printProgram(program)}`,
      cause,
    })
  }
}

/** The call that a step of the program makes, over the addresses in `state`. */
function bindStep(
  step: ProgramStep,
  plan: MatrixProductPlan | undefined,
  exports: WebAssembly.Exports,
  state: RunState,
  layout: ArenaLayout,
): Step {
  if (step.kind === 'kernels') {
    const kernels = exports[step.exportName] as (table: number) => void
    return () => {
      kernels(state.table)
    }
  }
  const { lhs, rhs, accumulator, stores } = step.kernel
  const at: MatrixAddresses = {
    left: 0,
    right: 0,
    output: 0,
    accumulator: 0,
    scratch: 0,
    packedLeft: 0,
    packedRight: 0,
  }
  const place = ({ buffer, view }: Pick<DotKernel['lhs'], 'buffer' | 'view'>): number =>
    state.addresses[buffer] + 4 * view.offset
  type Epilogue = (table: number, batch: number, first: number, limit: number) => void
  const rowFunction = step.epilogueName === undefined ? undefined : (exports[step.epilogueName] as Epilogue)
  const epilogue =
    rowFunction === undefined
      ? undefined
      : (batch: number, first: number, count: number) => {
          rowFunction(state.table, batch, first, first + count)
        }
  return () => {
    at.left = place(lhs)
    at.right = place(rhs)
    at.output = place(stores[0])
    at.accumulator = accumulator === undefined ? 0 : place(accumulator)
    at.scratch = state.table + layout.productOffset
    plan?.run(at, epilogue)
  }
}

/** Compiles a program. @throws {DtypeError} for float64. @throws {BackendError} with the program's text. */
export function compileForWasm(
  original: Program,
  { donate = [] }: CompileOptions,
  context: WasmContext,
): Executable {
  const { allocator, arena, memoryImport } = context
  const program = optimise(original)
  const kernels = lower(program)
  const plan = planMemory(kernels, donate)
  const { bytes, steps } = programModule(kernels, memoryImport)
  const exports = instantiate(program, bytes, memoryImport)
  const products = steps.map((step) =>
    step.kind === 'product' ? planProduct(step.kernel, context) : undefined,
  )
  const layout = layOutArena(kernels, plan, products)
  const state: RunState = { table: 0, addresses: new Array<number>(kernels.buffers.length).fill(0) }
  const calls = steps.map((step, i) => bindStep(step, products[i], exports, state, layout))
  const operation = `run ${program.name}`
  const donors = new Set(plan.donorOf)
  const released = donate.filter((position) => !donors.has(position))
  let usable = true

  /** Storage for the outputs that take over none; all or nothing. */
  function allocateOutputs(): (DeviceBuffer | undefined)[] {
    const fresh: (DeviceBuffer | undefined)[] = []
    try {
      for (const [i, type] of program.outputs.entries()) {
        fresh.push(plan.donorOf[i] < 0 ? allocateBuffer(operation, type, allocator) : undefined)
      }
      state.table = arena.address(operation, layout.bytes)
    } catch (error) {
      for (const buffer of fresh) if (buffer !== undefined) releaseBuffer(operation, buffer, allocator)
      throw error
    }
    return fresh
  }

  function fillTable(inputs: readonly DeviceBuffer[], outputs: readonly (DeviceBuffer | undefined)[]): void {
    const { addresses } = state
    plan.poolOf.forEach((pool, buffer) => {
      if (pool >= 0) addresses[buffer] = state.table + layout.poolOffsets[pool]
    })
    kernels.inputs.forEach((buffer, i) => (addresses[buffer] = addressOf(operation, inputs[i], allocator)))
    kernels.outputs.forEach((buffer, i) => {
      addresses[buffer] = addressOf(operation, outputs[i] ?? inputs[plan.donorOf[i]], allocator)
    })
    new Uint32Array(allocator.memory.buffer, state.table, addresses.length).set(addresses)
  }

  return {
    program,
    summary: { ...summarize(kernels, plan), scratchBytes: layout.bytes },
    run(inputs) {
      context.requireUsable(operation)
      if (!usable) {
        throw new BackendError({ operation, rule: 'the executable must not have been disposed of' })
      }
      requireInputs(program, inputs, donate)
      for (const input of inputs) addressOf(operation, input, allocator)
      const fresh = allocateOutputs()
      fillTable(inputs, fresh)
      for (const call of calls) call()
      const outputs = fresh.map(
        (buffer, i) =>
          buffer ?? takeOverBuffer(operation, inputs[plan.donorOf[i]], program.outputs[i], allocator),
      )
      for (const position of released) releaseBuffer(operation, inputs[position], allocator)
      return outputs
    },
    dispose() {
      usable = false
    },
  }
}
