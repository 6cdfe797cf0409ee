/**
 * The float32 rate that the device's multiply-add units reach when nothing else is in the way: independent chains of
 * fused multiply-adds in registers. Shares of it are meaningful on cards that no table knows.
 */
import type { GpuMeasurement } from './gpuBench.ts'
import { timeShaders } from './shaderTiming.ts'

const chains = 8
const unrolled = 4
const threads = 128
/** Multiply and add of four lanes. */
const flopsPerVector = 8

const names = Array.from({ length: chains }, (_, i) => `x${i}`)

const source = (iterations: number): string => `
@group(0) @binding(0) var<storage, read_write> results: array<vec4f>;
@compute @workgroup_size(${threads}) fn main(@builtin(global_invocation_id) id: vec3u) {
  let factor = vec4f(0.999 + f32(id.x & 15u) * 1e-6);
  let term = vec4f(f32(id.x & 7u) * 1e-3);
${names.map((name, i) => `  var ${name} = vec4f(f32(id.x + ${i}u));`).join('\n')}
  for (var i = 0u; i < ${iterations}u; i++) {
${Array.from({ length: unrolled }, () => names.map((name) => `    ${name} = fma(${name}, factor, term);`).join('\n')).join('\n')}
  }
  results[id.x] = ${names.join(' + ')};
}`

export const multiplyAddPeak: GpuMeasurement = {
  name: 'multiply-add',
  description: 'float32 rate of chains of multiply-adds in registers',
  run: async ({ backend, plan, card, emit }) => {
    const { device, capabilities } = backend
    const workgroups = capabilities.isSoftware ? 32 : 16_384
    const invocations = workgroups * threads
    const perIteration = invocations * chains * unrolled * flopsPerVector
    const iterations = Math.max(1, Math.round(plan.peakFlops / perIteration))
    const buffer = device.createBuffer({ size: invocations * 16, usage: GPUBufferUsage.STORAGE })
    const measured = await timeShaders(
      device,
      [
        {
          source: source(iterations),
          bindings: [{ buffer, access: 'read_write' }],
          workgroups: [workgroups, 1, 1],
        },
      ],
      plan,
    )
    buffer.destroy()
    const flops = iterations * perIteration
    emit({ suite: 'multiply-add', case: 'registers, float32', ...measured, flops, peak: card?.float32 })
    return { flops: flops / (measured.timing.milliseconds / 1e3) }
  },
}
