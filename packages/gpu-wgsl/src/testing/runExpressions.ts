/**
 * Evaluates scalar expressions on a device for tests: many expressions in one shader, so that their sweep costs one
 * pipeline, each over every element of the same inputs. Words go in and come out, whatever the dtypes.
 */
import type { ScalarNode } from '@hessian-free/tensor'
import type { Lanes } from '../wgsl/kernelBindings.ts'
import { valueType } from '../wgsl/kernelBindings.ts'
import { elementFunctionSource, emitExpression } from '../wgsl/scalarExpression.ts'

const workgroup = 64

/** The shader that `runExpressions` runs. Loads read input number `buffer`; an index is the number of the element. */
export function expressionShader(
  expressions: readonly (readonly ScalarNode[])[],
  inputs: number,
  elements: number,
  lanes: Lanes,
): string {
  const words = lanes === 1 ? 'u32' : 'vec4<u32>'
  const groups = elements / lanes
  const functions = new Set<string>()
  const bodies = expressions.map((nodes, i) => {
    const {
      statements,
      values,
      functions: called,
    } = emitExpression(
      nodes,
      {
        lanes,
        load: ({ buffer, dtype }) =>
          dtype === 'bool'
            ? `x${buffer}[at] != ${words}(0u)`
            : `bitcast<${valueType(dtype, lanes)}>(x${buffer}[at])`,
        index: ({ dtype }) =>
          lanes === 1
            ? `${valueType(dtype, 1)}(at)`
            : `${valueType(dtype, 4)}(4u * at + vec4<u32>(0u, 1u, 2u, 3u))`,
      },
      `e${i}_`,
    )
    for (const name of called) functions.add(name)
    const value = values[values.length - 1]
    const word =
      nodes[nodes.length - 1].dtype === 'bool'
        ? `select(${words}(0u), ${words}(1u), ${value})`
        : `bitcast<${words}>(${value})`
    return `${statements}results[${i * groups}u + at] = ${word};\n`
  })
  const declarations = Array.from(
    { length: inputs },
    (_, i) => `@group(0) @binding(${i}) var<storage, read> x${i}: array<${words}>;\n`,
  ).join('')
  return `${declarations}@group(0) @binding(${inputs}) var<storage, read_write> results: array<${words}>;

${elementFunctionSource(functions)}
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let at = id.x;
  if (at >= ${groups}u) {
    return;
  }
${bodies.join('')}}
`
}

/**
 * @param inputs words, all of one length, a multiple of four.
 * @returns for each expression, the words of its last node at every element.
 * @throws {Error} for WGSL that does not compile, with the text.
 */
export async function runExpressions(
  device: GPUDevice,
  expressions: readonly (readonly ScalarNode[])[],
  inputs: readonly Uint32Array<ArrayBuffer>[],
  lanes: Lanes,
): Promise<Uint32Array<ArrayBuffer>[]> {
  const elements = inputs[0].length
  const code = expressionShader(expressions, inputs.length, elements, lanes)
  device.pushErrorScope('validation')
  // An automatic layout would leave out inputs that no expression reads.
  const layout = device.createBindGroupLayout({
    entries: [...inputs, undefined].map((input, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: input === undefined ? 'storage' : 'read-only-storage' },
    })),
  })
  const pipeline = device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
  })
  const buffers = inputs.map((words) => {
    const buffer = device.createBuffer({
      size: words.byteLength,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    })
    device.queue.writeBuffer(buffer, 0, words)
    return buffer
  })
  const size = expressions.length * elements * 4
  const results = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC })
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout,
      entries: [...buffers, results].map((buffer, binding) => ({ binding, resource: { buffer } })),
    }),
  )
  pass.dispatchWorkgroups(Math.ceil(elements / lanes / workgroup))
  pass.end()
  encoder.copyBufferToBuffer(results, 0, staging, 0, size)
  device.queue.submit([encoder.finish()])
  const error = await device.popErrorScope()
  if (error !== null) throw new Error(`${error.message}\n${code}`)
  await staging.mapAsync(GPUMapMode.READ)
  const words = new Uint32Array(staging.getMappedRange())
  const copies = expressions.map((_, i) => words.slice(i * elements, (i + 1) * elements))
  for (const buffer of [...buffers, results, staging]) buffer.destroy()
  return copies
}
