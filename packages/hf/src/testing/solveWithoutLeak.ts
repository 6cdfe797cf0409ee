/**
 * Runs conjugate gradients for a test and insists that the backend holds afterwards exactly what it held before.
 */
import type { Backend } from '@hessian-free/tensor'
import { conjugateGradient } from '../conjugateGradient.ts'
import type { ConjugateGradientOptions, ConjugateGradientResult } from '../conjugateGradient.ts'
import type { LinearOperator } from '../conjugateGradientRun.ts'
import type { Vector } from './linearSystems.ts'
import { vector } from './linearSystems.ts'

const liveMemory = (backend: Backend): string => {
  const { liveBuffers, liveBytes } = backend.memory()
  return `${liveBuffers} buffers of ${liveBytes} bytes`
}

/** What `body` makes of the result, which is freed afterwards. @throws {Error} if memory is not as before. */
export async function solveWithoutLeak<T>(
  backend: Backend,
  operator: LinearOperator,
  b: Vector,
  options: ConjugateGradientOptions,
  body: (result: ConjugateGradientResult) => T,
): Promise<T> {
  using rightHandSide = vector(b, backend)
  const before = liveMemory(backend)
  const result = await conjugateGradient(operator, rightHandSide, options)
  let made: T
  try {
    made = body(result)
  } finally {
    result.dispose()
  }
  const after = liveMemory(backend)
  if (after !== before) throw new Error(`a run leaves ${after} where there were ${before}`)
  return made
}
