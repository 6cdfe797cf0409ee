/**
 * Compute pipelines by the text of their shaders, shared by all executables of a device: the same kernel of the same
 * shapes in two programs is compiled once. Layouts are explicit and shared by access pattern, because those that
 * WebGPU derives by itself are never interchangeable.
 *
 * WebGPU says late that a shader does not compile. The failure is recorded in the ledger, and kept with the pipeline
 * for executables that ask for it again.
 */
import { BackendError } from '@hessian-free/tensor'
import type { ShaderDispatch } from '../wgsl/shaderDispatch.ts'
import type { GpuConnection } from './gpuConnection.ts'

export interface CachedPipeline {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
  /** Why it is invalid, once that is known. */
  readonly failure: () => BackendError | undefined
}

/** Pipelines kept; beyond, the least recently asked for are forgotten (executables keep their own). */
const capacity = 2048

export class PipelineCache {
  readonly #connection: GpuConnection
  readonly #layouts = new Map<
    string,
    { readonly group: GPUBindGroupLayout; readonly pipeline: GPUPipelineLayout }
  >()
  readonly #pipelines = new Map<string, CachedPipeline>()

  constructor(connection: GpuConnection) {
    this.#connection = connection
  }

  /** @param programText of the program that needs it first, for the error of a shader that does not compile. */
  pipelineOf(dispatch: ShaderDispatch, programText: string): CachedPipeline {
    const key = `${accessPattern(dispatch)}\n${dispatch.source}`
    const known = this.#pipelines.get(key)
    if (known !== undefined) {
      this.#pipelines.delete(key)
      this.#pipelines.set(key, known)
      return known
    }
    const made = this.#create(dispatch, programText)
    this.#pipelines.set(key, made)
    if (this.#pipelines.size > capacity) {
      const [oldest] = this.#pipelines.keys()
      this.#pipelines.delete(oldest)
    }
    return made
  }

  #create(dispatch: ShaderDispatch, programText: string): CachedPipeline {
    const { device } = this.#connection
    const layout = this.#layoutOf(dispatch)
    const failures: BackendError[] = []
    const describe = (message: string): BackendError => {
      const error = new BackendError({
        operation: dispatch.label,
        rule: 'the generated WGSL must compile on this device',
        found: `${message}\n${dispatch.source}\nin the program\n${programText}`,
        remedy: 'This is a fault of the code generator or the driver: please report it with this text',
      })
      failures.push(error)
      return error
    }
    const pipeline = this.#connection.guarded('internal', describe, () =>
      this.#connection.guarded('validation', describe, () =>
        device.createComputePipeline({
          label: dispatch.label,
          layout: layout.pipeline,
          compute: { module: device.createShaderModule({ code: dispatch.source }), entryPoint: 'main' },
        }),
      ),
    )
    return { pipeline, layout: layout.group, failure: () => failures[0] }
  }

  #layoutOf(dispatch: ShaderDispatch): {
    readonly group: GPUBindGroupLayout
    readonly pipeline: GPUPipelineLayout
  } {
    const { device } = this.#connection
    const key = accessPattern(dispatch)
    let layout = this.#layouts.get(key)
    if (layout === undefined) {
      const group = device.createBindGroupLayout({
        entries: dispatch.bindings.map(({ access }, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
        })),
      })
      layout = { group, pipeline: device.createPipelineLayout({ bindGroupLayouts: [group] }) }
      this.#layouts.set(key, layout)
    }
    return layout
  }
}

/** `rrw`: one letter per binding. */
const accessPattern = ({ bindings }: ShaderDispatch): string =>
  bindings.map(({ access }) => (access === 'read' ? 'r' : 'w')).join('')
