/**
 * What a backend is: it owns device memory and turns finished programs into executables. Nothing here knows
 * whether the device is a JavaScript heap, a WebAssembly memory or a GPU: `run` only enqueues, `read` waits,
 * and `readSync` exists only where the device can be read without waiting.
 */
import type { Dtype, TypedArray } from './dtype.ts'
import type { HostArray } from './hostArray.ts'
import type { Program, TensorType } from './program/program.ts'

/** A block of device memory that holds one dense row-major tensor. Each backend has its own class. */
export interface DeviceBuffer extends TensorType {
  readonly bytes: number
}

export interface MemoryStatistics {
  /** Buffers handed out and not yet released. */
  readonly liveBuffers: number
  readonly liveBytes: number
  /** Largest `liveBytes` so far. */
  readonly peakBytes: number
  /** Scratch memory that executables share. */
  readonly scratchBytes: number
  /** All memory the backend holds, free lists included. */
  readonly reservedBytes: number
}

/** What a compiled program does per run: the quantities that tests assert instead of clocks. */
export interface ExecutableSummary {
  /** One line per kernel, in order of execution. */
  readonly kernels: readonly string[]
  /** Matrix products (`dot` kernels) executed per run. */
  readonly matrixProducts: number
  /** Floating point operations of the matrix products, 2·batch·m·n·k each. */
  readonly matrixProductFlops: number
  readonly scratchBytes: number
}

export interface Executable {
  /** The program as compiled, after the passes. */
  readonly program: Program
  readonly summary: ExecutableSummary
  /**
   * Runs once. The outputs are fresh buffers of the caller's, except that inputs named in `donate` at compile
   * time are consumed: their buffers are released or become outputs.
   * @throws {BackendError} out of memory, lost device, disposed executable.
   */
  run(inputs: readonly DeviceBuffer[]): DeviceBuffer[]
  dispose(): void
}

export interface CompileOptions {
  /** Positions of inputs whose buffers `run` may consume. */
  readonly donate?: readonly number[]
}

export interface Backend {
  /** `reference`, `wasm`, `gpu`. */
  readonly name: string
  supports(dtype: Dtype): boolean
  /** Relative rounding error that one operation in `dtype` may have; test tolerances are multiples of it. */
  tolerance(dtype: Dtype): number
  /** Whether a float32 result below 2⁻¹²⁶ may be zero, and such an operand count as zero; default no. */
  readonly flushesSubnormals?: boolean
  /** @throws {DtypeError} for a dtype it does not support. @throws {BackendError} out of memory. */
  upload(array: HostArray): DeviceBuffer
  /**
   * The contents at the time of the call: a device copies them aside in the order of its queue before anything that is
   * enqueued later, so the buffer may be released, donated or reused right after the call.
   * @throws {DeviceLostError} (a rejection) if the device is lost before the contents have arrived.
   */
  read(buffer: DeviceBuffer): Promise<TypedArray>
  /**
   * The contents of several buffers in one wait, with the guarantee of `read`; absent where it would not be cheaper
   * than single reads. `readTensors` calls it.
   */
  readTogether?(buffers: readonly DeviceBuffer[]): Promise<readonly TypedArray[]>
  /** A copy of the contents, without waiting; absent on devices that need waiting. */
  readonly readSync?: (buffer: DeviceBuffer) => TypedArray
  release(buffer: DeviceBuffer): void
  /** @throws {DtypeError} for a dtype it does not support. @throws {BackendError} with the program's text. */
  compile(program: Program, options?: CompileOptions): Executable
  /** Resolves when everything enqueued so far has finished. */
  synchronize(): Promise<void>
  memory(): MemoryStatistics
  dispose(): void
}
