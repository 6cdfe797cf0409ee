/**
 * What a kernel becomes: dispatches of generated WGSL, as plain data. A generator is a pure function from a fused
 * kernel (see tensor's kernel.ts) to dispatches that run in order; the runtime turns each into a pipeline and a bind
 * group, once. Shapes, offsets and strides are constants of the text, so a replay needs no parameters.
 */
import type { BufferIndex, BufferSpecification, Dtype, Kernel } from '@hessian-free/tensor'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'

/** A whole GPU buffer that holds one or several (never at the same time) buffers of a kernel program. */
export type StorageIndex = number

export interface ShaderBinding {
  readonly storage: StorageIndex
  readonly access: 'read' | 'read_write'
}

export interface ShaderDispatch {
  /** For messages and profilers: `map [1024]`. */
  readonly label: string
  /** A whole WGSL module whose entry point is `main`. */
  readonly source: string
  /** Of group 0, by binding number. */
  readonly bindings: readonly ShaderBinding[]
  readonly workgroups: readonly [number, number, number]
}

/** The surroundings of a kernel during generation. */
export interface KernelContext {
  readonly device: DeviceCapabilities
  /** Buffers of the kernel program, then workspaces. */
  specification(buffer: BufferIndex): Pick<BufferSpecification, 'dtype' | 'elements'>
  storageOf(buffer: BufferIndex): StorageIndex
  /** A buffer of this kernel's own for values between its dispatches; contents are undefined at the first. */
  workspace(dtype: Dtype, elements: number): BufferIndex
}

export type KernelGenerator<K extends Kernel> = (
  kernel: K,
  context: KernelContext,
) => readonly ShaderDispatch[]
