/**
 * The few operations of the outer loop on flat vectors, compiled once: θ + αd, βd, −g, g·d and ‖g‖.
 */
import { jit, negate, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'

export interface VectorPrograms {
  /** x + a y. */
  addScaled(x: Tensor, a: number, y: Tensor): Tensor
  /** a x. */
  scale(x: Tensor, a: number): Tensor
  negate(x: Tensor): Tensor
  /** x · y. */
  inner(x: Tensor, y: Tensor): Promise<number>
  dispose(): void
}

export function vectorPrograms(): VectorPrograms {
  const addScaled = jit((x: Tensor, a: Tensor, y: Tensor) => x.add(y.multiply(a)), { name: 'addScaled' })
  const scale = jit((x: Tensor, a: Tensor) => x.multiply(a), { name: 'scale' })
  const minus = jit((x: Tensor) => negate(x), { name: 'negate' })
  const inner = jit((x: Tensor, y: Tensor) => x.multiply(y).sum(), { name: 'inner' })
  const scalar = (value: number, { dtype, backend }: Tensor): Tensor => tensor(value, { dtype, backend })
  return {
    addScaled: (x, a, y) => {
      using factor = scalar(a, x)
      return addScaled(x, factor, y)
    },
    scale: (x, a) => {
      using factor = scalar(a, x)
      return scale(x, factor)
    },
    negate: (x) => minus(x),
    inner: async (x, y) => {
      using product = inner(x, y)
      return await product.item()
    },
    dispose: () => {
      for (const compiled of [addScaled, scale, minus, inner]) compiled.dispose()
    },
  }
}
