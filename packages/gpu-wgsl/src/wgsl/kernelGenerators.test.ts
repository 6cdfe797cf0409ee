// What the generators would send to a real GPU: run on the software device, and type-checked on Dawn's null backend.
import {
  add,
  argMax,
  convert,
  exp,
  hostArray,
  less,
  max,
  multiply,
  sum,
  transpose,
} from '@hessian-free/tensor'
import type { HostArray } from '@hessian-free/tensor'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import {
  checkProgramCase,
  checkRandomProgram,
  programCases,
  randomProgram,
  traceBody,
} from '@hessian-free/tensor/testing'
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { requestDevice } from '../device/requestDevice.ts'
import { gpuBackendOn } from '../gpuBackend.ts'
import { createDawn } from '../node/dawn.ts'
import { testDevice } from '../node/softwareDevice.ts'
import { kernelDispatches, planProgram } from '../program/kernelDispatches.ts'
import { generateKernel } from './kernelGenerators.ts'

const requested = await testDevice()
// Small workgroups: a processor takes long to compile and to pass barriers.
const asHardware = requested && {
  device: requested.device,
  capabilities: { ...requested.capabilities, isSoftware: false, maximumWorkgroupInvocations: 32 },
}
const backend = asHardware && gpuBackendOn(asHardware)
afterAll(() => backend?.dispose())

describe.skipIf(backend === undefined)(
  'kernels as for hardware (skipped where no software Vulkan is offered)',
  () => {
    it.each(Object.entries(programCases))('agree with the reference backend on %s', (_, each) =>
      checkProgramCase(backend!, each),
    )

    it('give random programs the meaning they have in float64', async () => {
      await fc.assert(
        fc.asyncProperty(randomProgram('float32'), (random) => checkRandomProgram(backend!, random)),
        { numRuns: 20 },
      )
    })
  },
)

const zeros = (...shape: readonly number[]): HostArray =>
  hostArray(new Float32Array(shape.reduce((product, extent) => product * extent, 1)), shape)

/** Sizes at which hardware takes tiles, two dispatches, vectors of either axis. */
const largePrograms = [
  traceBody([zeros(300, 200), zeros(200, 300)], (a, b) => add(multiply(a, 2), transpose(b))),
  traceBody([zeros(300, 200), zeros(200, 300)], (a, b) => less(transpose(a), b)),
  traceBody([zeros(200_001), zeros(200_001)], (a, b) => [sum(multiply(a, b)), max(exp(a)), argMax(b, 0)]),
  traceBody([zeros(2000, 100), zeros(100)], (a, b) => [multiply(sum(a, [0]), b), max(a, [0]), argMax(a, 0)]),
  traceBody([zeros(2000, 30)], (a) => [sum(a, [0]), max(a, [0]), sum(convert(a, 'int32'), [0])]),
  traceBody([zeros(3, 4000)], (a) => [sum(a, [1]), max(convert(a, 'uint32'), [1]), argMax(a, 1)]),
]

const checked = await requestDevice(await createDawn({ backend: 'null' }))

describe('every shader compiles (null device)', () => {
  const devices: Record<string, Partial<DeviceCapabilities>> = {
    hardware: {},
    'a processor': { isSoftware: true },
    'grids of several rows': { maximumWorkgroupsPerAxis: 3 },
  }

  it.each(Object.entries(devices))('of shared, large and random programs for %s', async (_, differences) => {
    const { device } = checked
    const capabilities = { ...checked.capabilities, ...differences }
    const programs = [
      ...largePrograms,
      ...Object.values(programCases).map(([inputs, body]) => traceBody(inputs, body)),
      ...fc.sample(randomProgram('float32'), { numRuns: 60, seed: 11 }).map(({ program }) => program),
    ]
    const sources = new Set<string>()
    const labels: string[] = []
    for (const program of programs) {
      for (const dispatch of kernelDispatches(planProgram(program, []), capabilities, generateKernel)
        .dispatches) {
        if (sources.has(dispatch.source)) continue
        sources.add(dispatch.source)
        labels.push(dispatch.label)
        device.pushErrorScope('validation')
        device.createComputePipeline({
          layout: 'auto',
          compute: { module: device.createShaderModule({ code: dispatch.source }), entryPoint: 'main' },
        })
        const error = await device.popErrorScope()
        expect(error, `${dispatch.label}: ${error?.message}\n${dispatch.source}`).toBeNull()
      }
    }
    expect(sources.size).toBeGreaterThan(100)
    expect(labels.some((label) => label.endsWith('in tiles'))).toBe(!capabilities.isSoftware)
    expect(labels.filter((label) => label.endsWith('from parts')).length).toBeGreaterThan(2)
  })
})
