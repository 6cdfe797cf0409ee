/**
 * The suites that every backend passes, run inside a browser's page on its own WebGPU: a module for
 * `runModuleInBrowser`. Failures come back as text, because no test framework runs there.
 */
import { checkGaussNewton, randomNetworks } from '@hessian-free/autodiff/testing'
import type { NamedLoss } from '@hessian-free/autodiff/testing'
import { logisticCrossEntropy, softmaxCrossEntropy, squaredError } from '@hessian-free/hf'
import fc from 'fast-check'
import { createGpuBackend } from '@hessian-free/gpu-wgsl'
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

export interface BrowserSuiteOptions {
  readonly randomPrograms: number
  /** For each loss. */
  readonly randomNetworks: number
  readonly seed: number
}

export interface BrowserSuiteResult {
  readonly adapter: string
  readonly checks: number
  readonly failures: readonly string[]
  readonly liveBuffers: number
}

/** The losses of hf summed over the cases, with the curvature that they claim to have. */
const losses = [softmaxCrossEntropy(), logisticCrossEntropy(), squaredError()].map((loss): NamedLoss => ({
  name: loss.name,
  value: (outputs, targets) => loss.perCase(outputs, targets).sum(),
  hessianProduct: (outputs, targets, u) => loss.hessianProduct(outputs, targets, u),
}))

export async function run({
  randomPrograms,
  randomNetworks: networks,
  seed,
}: BrowserSuiteOptions): Promise<BrowserSuiteResult> {
  const backend = await createGpuBackend({ gpu: navigator.gpu })
  const failures: string[] = []
  let checks = 0
  const check = async (name: string, body: () => Promise<void>): Promise<void> => {
    checks++
    await body().catch((error: unknown) => failures.push(`${name}: ${String(error)}`))
  }
  for (const primitive of Object.keys(operatorCases) as PrimitiveName[]) {
    for (const each of operatorCases[primitive]) {
      await check(primitive, () => checkOperatorCase(backend, primitive, each as OperatorCase<PrimitiveName>))
    }
  }
  for (const [name, each] of Object.entries(programCases)) {
    await check(name, () => checkProgramCase(backend, each))
  }
  for (const random of fc.sample(randomProgram('float32'), { numRuns: randomPrograms, seed })) {
    await check(`random program, seed ${seed}`, () => checkRandomProgram(backend, random))
  }
  const tolerance = 100 * backend.tolerance('float32')
  for (const loss of losses) {
    const drawn = randomNetworks({ losses: [loss], layers: { minimum: 2, maximum: 2 } })
    for (const { model, loss: own, point } of fc.sample(drawn, { numRuns: networks, seed })) {
      await check(`Gauss-Newton product under ${loss.name}, seed ${seed}`, () =>
        checkGaussNewton(model, own, point, { runs: 2, tolerance, backend }),
      )
    }
  }
  const { liveBuffers } = backend.memory()
  const adapter = backend.capabilities.adapterName
  backend.dispose()
  return { adapter, checks, failures, liveBuffers }
}
