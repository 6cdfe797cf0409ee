/**
 * A list of dispatches over given buffers, compiled and bound outside the runtime: for timing candidates and for tests
 * of generators.
 */
import { BackendError } from '@hessian-free/tensor'
import type { ShaderDispatch, StorageIndex } from '../wgsl/shaderDispatch.ts'

export interface DispatchSequence {
  /** All dispatches, in order. */
  encode(pass: GPUComputePassEncoder): void
}

/**
 * @param buffers one for every storage that the dispatches bind.
 * @throws {BackendError} where a shader does not compile or does not fit the device, with its text.
 */
export async function prepareSequence(
  device: GPUDevice,
  dispatches: readonly ShaderDispatch[],
  buffers: ReadonlyMap<StorageIndex, GPUBuffer>,
): Promise<DispatchSequence> {
  const prepared = await Promise.all(dispatches.map((dispatch) => prepare(device, dispatch, buffers)))
  return {
    encode: (pass) => {
      for (const { pipeline, group, workgroups } of prepared) {
        pass.setPipeline(pipeline)
        pass.setBindGroup(0, group)
        pass.dispatchWorkgroups(...workgroups)
      }
    },
  }
}

interface Prepared {
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly workgroups: ShaderDispatch['workgroups']
}

async function prepare(
  device: GPUDevice,
  { label, source, bindings, workgroups }: ShaderDispatch,
  buffers: ReadonlyMap<StorageIndex, GPUBuffer>,
): Promise<Prepared> {
  const failed = (message: string): BackendError =>
    new BackendError({
      operation: label,
      rule: 'the generated WGSL must compile on this device',
      found: `${message}\n${source}`,
    })
  const bound = bindings.map(({ storage }, binding) => {
    const buffer = buffers.get(storage)
    if (buffer === undefined) throw failed(`no buffer for storage ${storage}`)
    return { binding, resource: { buffer } }
  })
  device.pushErrorScope('validation')
  const layout = device.createBindGroupLayout({
    entries: bindings.map(({ access }, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
    })),
  })
  const compiled = device.createComputePipelineAsync({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code: source }), entryPoint: 'main' },
  })
  const group = device.createBindGroup({ layout, entries: bound })
  const scope = device.popErrorScope()
  // Both are waited for before either is judged: a promise left alone that rejects would end the process.
  const [pipeline, error] = await Promise.allSettled([compiled, scope])
  if (error.status === 'fulfilled' && error.value !== null) throw failed(error.value.message)
  if (pipeline.status === 'rejected') throw failed(String(pipeline.reason))
  return { pipeline: pipeline.value, group, workgroups }
}
