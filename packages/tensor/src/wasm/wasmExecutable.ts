/**
 * A program compiled to WebAssembly: shared passes → kernels → memory plan → stages → one module with one function to
 * run.
 *
 * All that depends on the program is decided here, once. A run fills the address table, makes one call per thread and
 * allocates nothing but its outputs: scratch buffers lie in the backend's arena,
 *   [address table | pools of the memory plan | scratch shared by threads | scratch of each thread].
 */
import type { CompileOptions, DeviceBuffer, Executable } from '../backend.ts'
import { BackendError } from '../errors.ts'
import { requireInputs } from '../executableInputs.ts'
import type { KernelProgram, MemoryPlan } from '../kernel/kernel.ts'
import { summarize } from '../kernel/kernelCost.ts'
import { lower } from '../kernel/lower.ts'
import { planMemory } from '../kernel/memoryPlan.ts'
import { optimise } from '../passes/optimise.ts'
import type { Program } from '../program/program.ts'
import { printProgram } from '../program/programPrinter.ts'
import type { AddressTable } from './addressTable.ts'
import { programModule } from './programModule.ts'
import type { ScratchArena } from './scratchArena.ts'
import type { ProgramRunner, RunProgram } from './threads/programRunner.ts'
import type { MicroKernel } from './matrix/matrixMicroKernel.ts'
import type { WasmAllocator } from './wasmAllocator.ts'
import { aligned } from './wasmAllocator.ts'
import { addressOf, allocateBuffer, panelsOf, releaseBuffer, takeOverBuffer } from './wasmBuffer.ts'

/** What executables of one backend share. */
export interface WasmContext {
  readonly allocator: WasmAllocator
  readonly arena: ScratchArena
  readonly runner: ProgramRunner
  /** @throws {BackendError} once the backend has been disposed of. */
  requireUsable(operation: string): void
  /** The micro-kernel of matrix products, chosen when the first product is compiled. */
  readonly microKernel: () => MicroKernel
}

/** Where things lie in the arena, from its start. */
interface ArenaLayout {
  readonly poolOffsets: readonly number[]
  readonly sharedOffset: number
  readonly ownOffset: number
  readonly bytes: number
}

function layOutArena({ poolBytes }: MemoryPlan, table: AddressTable, threads: number): ArenaLayout {
  let end = aligned(4 * table.length)
  const poolOffsets = poolBytes.map((bytes) => {
    const offset = end
    end += aligned(bytes)
    return offset
  })
  const sharedOffset = end
  const ownOffset = end + aligned(table.sharedBytes)
  return { poolOffsets, sharedOffset, ownOffset, bytes: ownOffset + threads * table.ownBytes }
}

function compileModule(program: Program, bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes)
  } catch (cause) {
    throw new BackendError({
      operation: `compile ${program.name}`,
      rule: 'the emitted WebAssembly module must be valid',
      found: `${cause instanceof Error ? cause.message : String(cause)}\n${printProgram(program)}`,
      cause,
    })
  }
}

/** Compiles a program. @throws {DtypeError} for float64. @throws {BackendError} with the program's text. */
export function compileForWasm(
  original: Program,
  { donate = [] }: CompileOptions,
  context: WasmContext,
): Executable {
  const { allocator, arena, runner, microKernel } = context
  const program = optimise(original)
  const kernels = lower(program, { productPrologues: true })
  const plan = planMemory(kernels, donate)
  const consumed = new Set(donate.map((position) => kernels.inputs[position]))
  const { bytes, table } = programModule(kernels, plan, {
    memory: allocator,
    microKernel,
    mayKeepPanels: (buffer) => kernels.inputs.includes(buffer) && !consumed.has(buffer),
  })
  const runProgram: RunProgram = runner.prepare(compileModule(program, bytes), kernels)
  const layout = layOutArena(plan, table, runner.threads)
  const operation = `run ${program.name}`
  const donors = new Set(plan.donorOf)
  const released = donate.filter((position) => !donors.has(position))
  const fillTable = tableFiller(operation, { kernels, plan, table, layout }, allocator)
  let usable = true

  const releaseAll = (buffers: readonly (DeviceBuffer | undefined)[]): void => {
    for (const buffer of buffers) if (buffer !== undefined) releaseBuffer(operation, buffer, allocator)
  }

  /** Storage for the outputs that take over none, and where the arena starts; all or nothing. */
  function allocate(): { readonly fresh: readonly (DeviceBuffer | undefined)[]; readonly start: number } {
    const fresh: (DeviceBuffer | undefined)[] = []
    try {
      for (const [i, type] of program.outputs.entries()) {
        fresh.push(plan.donorOf[i] < 0 ? allocateBuffer(operation, type, allocator) : undefined)
      }
      return { fresh, start: arena.address(operation, layout.bytes) }
    } catch (error) {
      releaseAll(fresh)
      throw error
    }
  }

  /** Runs; a failure leaves neither outputs behind nor panels, which may not have been packed. */
  function runOrClean(start: number, fresh: readonly (DeviceBuffer | undefined)[]): void {
    try {
      runProgram(start)
    } catch (error) {
      allocator.panels.freeAll()
      releaseAll(fresh)
      throw error
    }
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
      const { fresh, start } = allocate()
      fillTable(start, inputs, fresh)
      runOrClean(start, fresh)
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

interface TableContents {
  readonly kernels: KernelProgram
  readonly plan: MemoryPlan
  readonly table: AddressTable
  readonly layout: ArenaLayout
}

/** Fills the address table, which lies at the start of the arena, for a run. */
function tableFiller(
  operation: string,
  { kernels, plan, table, layout }: TableContents,
  allocator: WasmAllocator,
) {
  const { poolOffsets, sharedOffset, ownOffset } = layout
  const inputOf = new Map(kernels.inputs.map((buffer, position) => [buffer, position]))
  return (
    start: number,
    inputs: readonly DeviceBuffer[],
    outputs: readonly (DeviceBuffer | undefined)[],
  ): void => {
    // Panels first: finding a place for them may make the memory grow, which detaches views of it.
    const places = table.panelUses.map(({ request: { buffer, key, bytes } }) =>
      allocator.panels.place(panelsOf(operation, inputs[inputOf.get(buffer) ?? 0], allocator), key, bytes),
    )
    const words = new Uint32Array(allocator.memory.buffer, start, table.length)
    plan.poolOf.forEach((pool, buffer) => {
      if (pool >= 0) words[buffer] = start + poolOffsets[pool]
    })
    kernels.inputs.forEach((buffer, i) => (words[buffer] = addressOf(operation, inputs[i], allocator)))
    kernels.outputs.forEach((buffer, i) => {
      words[buffer] = addressOf(operation, outputs[i] ?? inputs[plan.donorOf[i]], allocator)
    })
    words[table.ownWord] = start + ownOffset
    words[table.alwaysWord] = 1
    words.fill(0, table.firstCounter)
    for (const { word, offset } of table.scratchWords) words[word] = start + sharedOffset + offset
    table.panelUses.forEach(({ address, stale, scratchOffset }, i) => {
      const place = places[i]
      words[address] = place?.address ?? start + sharedOffset + scratchOffset
      words[stale] = place?.stale === false ? 0 : 1
    })
  }
}
