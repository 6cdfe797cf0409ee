import { expect, it } from 'vitest'
import { testDevice } from './softwareDevice.ts'

const requested = await testDevice()

it.skipIf(requested === undefined)(
  'a device on the processor computes (skipped where no software Vulkan is offered)',
  async () => {
    const { device, capabilities } = requested!
    expect(capabilities.maximumWorkgroupInvocations).toBeGreaterThanOrEqual(256)
    const buffer = device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC })
    const pipeline = device.createComputePipeline({
      layout: 'auto',
      compute: {
        module: device.createShaderModule({
          code: '@group(0) @binding(0) var<storage, read_write> b: array<f32>; @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) { b[i] = f32(i) * 2.0; }',
        }),
      },
    })
    const staging = device.createBuffer({
      size: 16,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    })
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer } }],
      }),
    )
    pass.dispatchWorkgroups(1)
    pass.end()
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, 16)
    device.queue.submit([encoder.finish()])
    await staging.mapAsync(GPUMapMode.READ)
    expect([...new Float32Array(staging.getMappedRange())]).toEqual([0, 2, 4, 6])
  },
)
