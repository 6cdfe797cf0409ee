// What the generators would send to a real GPU: run on the software device, and type-checked on Dawn's null backend.
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
import { kernelDispatches } from '../program/kernelDispatches.ts'
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

const checked = await requestDevice(await createDawn({ backend: 'null' }))

describe('every shader compiles (null device)', () => {
  const devices: Record<string, Partial<DeviceCapabilities>> = {
    hardware: {},
    'a processor': { isSoftware: true },
    'grids of several rows': { maximumWorkgroupsPerAxis: 3 },
  }

  it.each(Object.entries(devices))('of shared and random programs for %s', async (_, differences) => {
    const { device } = checked
    const capabilities = { ...checked.capabilities, ...differences }
    const programs = [
      ...Object.values(programCases).map(([inputs, body]) => traceBody(inputs, body)),
      ...fc.sample(randomProgram('float32'), { numRuns: 60, seed: 11 }).map(({ program }) => program),
    ]
    const sources = new Set<string>()
    for (const program of programs) {
      for (const dispatch of kernelDispatches(program, [], capabilities, generateKernel).dispatches) {
        if (sources.has(dispatch.source)) continue
        sources.add(dispatch.source)
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
  })
})
