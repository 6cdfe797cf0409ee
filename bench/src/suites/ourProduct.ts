/** A product of two matrices, or of a batch of them, with this project. */
import { dotGeneral, jit, tensor } from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import { numbers } from '../numbers.ts'
import type { ProductCase } from '../peers/peerCase.ts'
import { productShapes } from '../peers/peerCase.ts'

export interface OurProduct {
  readonly result: () => Promise<ArrayLike<number>>
  readonly run: () => void
  readonly dispose: () => void
}

export function ourProduct(backend: Backend, wanted: ProductCase): OurProduct {
  const { batch, left, right } = wanted
  const [a, b] = productShapes(wanted).map((shape, i) => {
    const count = shape.reduce((x, y) => x * y, 1)
    return tensor(numbers(i + 1, count), { shape, backend })
  })
  const first = batch === undefined ? 0 : 1
  const along = batch === undefined ? [] : [0]
  const axes = {
    lhsBatch: along,
    rhsBatch: along,
    lhsContract: [first + (left ? 0 : 1)],
    rhsContract: [first + (right ? 1 : 0)],
  }
  const compiled = jit((x: Tensor, y: Tensor) => dotGeneral(x, y, axes))
  return {
    async result() {
      using product = compiled(a, b)
      return await product.read()
    },
    run() {
      compiled(a, b).dispose()
    },
    dispose() {
      compiled.dispose()
      a.dispose()
      b.dispose()
    },
  }
}
