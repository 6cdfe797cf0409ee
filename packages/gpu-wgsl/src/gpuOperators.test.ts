// Every primitive, the shared programs and random programs on the gpu backend (SwiftShader without a GPU).
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { PrimitiveName } from '@hessian-free/tensor'
import {
  checkOperatorCase,
  checkProgramCase,
  checkRandomProgram,
  operatorCases,
  programCases,
  randomProgram,
} from '@hessian-free/tensor/testing'
import type { OperatorCase } from '@hessian-free/tensor/testing'
import { gpuBackendOn } from './gpuBackend.ts'
import { testDevice } from './node/softwareDevice.ts'

const requested = await testDevice()
const backend = requested && gpuBackendOn(requested)
const names = (Object.keys(operatorCases) as PrimitiveName[]).filter((name) => operatorCases[name].length > 0)

afterAll(() => backend?.dispose())

describe.skipIf(backend === undefined)('gpu (skipped where no software Vulkan is offered)', () => {
  it.each(names)('computes %s as plain loops do', async (name) => {
    for (const each of operatorCases[name]) {
      await checkOperatorCase(backend!, name, each as OperatorCase<PrimitiveName>)
    }
  })

  it.each(Object.entries(programCases))('agrees with the reference backend on %s', (_, each) =>
    checkProgramCase(backend!, each),
  )

  it('gives random programs the meaning they have in float64', async () => {
    await fc.assert(
      fc.asyncProperty(randomProgram('float32'), (random) => checkRandomProgram(backend!, random)),
      { numRuns: 40 },
    )
  })

  it('leaves no buffer behind', () => {
    expect(backend!.memory()).toMatchObject({ liveBuffers: 0, liveBytes: 0 })
  })
})
