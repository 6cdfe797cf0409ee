/**
 * A program as dispatches: shared passes → kernels → memory plan → WGSL, with every buffer assigned to a storage, which
 * is a whole GPU buffer:
 *   [pools of the memory plan | inputs | outputs that take over no input | workspaces of kernels].
 * Pure data, without a device; so it can be tested, and every shader type-checked, anywhere.
 */
import {
  BackendError,
  bytesPerElement,
  lower,
  optimise,
  planMemory,
  printKernel,
  printProgram,
} from '@hessian-free/tensor'
import type { BufferIndex, Dtype, Kernel, KernelProgram, MemoryPlan, Program } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import type { KernelContext, ShaderDispatch, StorageIndex } from '../wgsl/shaderDispatch.ts'

/** What lies in a storage. */
export type StorageRole =
  | { readonly kind: 'scratch'; readonly bytes: number }
  | { readonly kind: 'input'; readonly position: number; readonly bytes: number }
  | { readonly kind: 'output'; readonly position: number; readonly bytes: number }

/** A program on the way to dispatches, as far as no device matters. */
export interface PlannedProgram {
  /** After the passes. */
  readonly program: Program
  readonly kernels: KernelProgram
  readonly plan: MemoryPlan
}

export interface DispatchProgram {
  readonly storages: readonly StorageRole[]
  readonly dispatches: readonly ShaderDispatch[]
}

export type GenerateKernel = (kernel: Kernel, context: KernelContext) => readonly ShaderDispatch[]

interface Workspace {
  readonly dtype: Dtype
  readonly elements: number
  /** Among the workspace storages; kernels use the same ones one after the other. */
  readonly slot: number
}

const bytesOf = ({ dtype, elements }: { readonly dtype: Dtype; readonly elements: number }): number =>
  bytesPerElement[dtype] * elements

/** The shared passes, kernels and memory plan. @param donate positions of inputs whose buffers outputs may take over. */
export function planProgram(original: Program, donate: readonly number[]): PlannedProgram {
  const program = optimise(original)
  const kernels = lower(program)
  return { program, kernels, plan: planMemory(kernels, donate) }
}

/**
 * @throws {BackendError} for a kernel that binds more storages than the device allows, with the program's text.
 * @throws {DtypeError} for float64.
 */
export function kernelDispatches(
  { program, kernels, plan }: PlannedProgram,
  device: DeviceCapabilities,
  generate: GenerateKernel,
): DispatchProgram {
  const count = kernels.buffers.length
  const workspaces: Workspace[] = []
  const slotBytes: number[] = []
  const outputPositions = kernels.outputs.map((_, i) => i).filter((i) => plan.donorOf[i] < 0)

  // Workspaces are known only after generation: until then they are numbered from the end of everything else.
  const pools = plan.poolBytes.length
  const inputStorage = (position: number): StorageIndex => pools + position
  const outputStorage = (position: number): StorageIndex =>
    pools + kernels.inputs.length + outputPositions.indexOf(position)
  const firstWorkspace = pools + kernels.inputs.length + outputPositions.length

  const storageOf = (buffer: BufferIndex): StorageIndex => {
    if (buffer >= count) return firstWorkspace + workspaces[buffer - count].slot
    if (plan.poolOf[buffer] >= 0) return plan.poolOf[buffer]
    const input = kernels.inputs.indexOf(buffer)
    if (input >= 0) return inputStorage(input)
    const output = kernels.outputs.indexOf(buffer)
    const donor = plan.donorOf[output]
    return donor >= 0 ? inputStorage(donor) : outputStorage(output)
  }
  const dispatches = kernels.kernels.flatMap((kernel) => {
    let slot = 0
    const context: KernelContext = {
      device,
      specification: (buffer) => (buffer < count ? kernels.buffers[buffer] : workspaces[buffer - count]),
      storageOf,
      workspace: (dtype, elements) => {
        slotBytes[slot] = Math.max(slotBytes[slot] ?? 0, bytesOf({ dtype, elements }))
        return workspaces.push({ dtype, elements, slot: slot++ }) - 1 + count
      },
    }
    const made = generate(kernel, context)
    for (const dispatch of made) requireBindings(dispatch, kernel, device, program)
    return made
  })
  const storages: StorageRole[] = [
    ...plan.poolBytes.map((bytes) => ({ kind: 'scratch' as const, bytes })),
    ...kernels.inputs.map((buffer, position) => ({
      kind: 'input' as const,
      position,
      bytes: bytesOf(kernels.buffers[buffer]),
    })),
    ...outputPositions.map((position) => ({
      kind: 'output' as const,
      position,
      bytes: bytesOf(kernels.buffers[kernels.outputs[position]]),
    })),
    ...slotBytes.map((bytes) => ({ kind: 'scratch' as const, bytes })),
  ]
  return { storages, dispatches }
}

function requireBindings(
  { bindings }: ShaderDispatch,
  kernel: Kernel,
  { maximumStorageBindings, adapterName }: DeviceCapabilities,
  program: Program,
): void {
  if (bindings.length <= maximumStorageBindings) return
  throw new BackendError({
    operation: `compile ${program.name}`,
    rule: `a kernel may bind at most ${maximumStorageBindings} buffers on this device (${adapterName})`,
    found: `${bindings.length} in ${printKernel(kernel)}\n${printProgram(program)}`,
    remedy: 'Split the program, or use the wasm backend',
  })
}
