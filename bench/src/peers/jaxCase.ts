/** Cases in jax-js. */
import { jaxNetwork } from '../network/jaxNetwork.ts'
import { numbers } from '../numbers.ts'
import type { ElementCase, PeerCase, ProductCase } from './peerCase.ts'
import { elementRange, productShapes, sampleOf } from './peerCase.ts'
import type { Jax, JaxArray } from './peers.ts'
import type { PreparedCase } from './preparedCase.ts'

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

const finish = async (result: JaxArray): Promise<void> => {
  await result.blockUntilReady()
  result.dispose()
}

async function preparedWith(name: string, run: () => JaxArray): Promise<PreparedCase> {
  return { sample: sampleOf(await run().data()), runs: { [name]: () => finish(run()) } }
}

function product({ numpy }: Jax, wanted: ProductCase): Promise<PreparedCase> {
  const [a, b] = productShapes(wanted).map((shape, i) => numpy.array(numbers(i + 1, size(shape)), { shape }))
  const swap = (x: JaxArray, swapped: boolean): JaxArray =>
    swapped ? x.ref.transpose(wanted.batch === undefined ? undefined : [0, 2, 1]) : x.ref
  return preparedWith('product', () => numpy.matmul(swap(a, wanted.left), swap(b, wanted.right)))
}

function elements(jax: Jax, { kind, count }: ElementCase): Promise<PreparedCase> {
  const { numpy } = jax
  const [x, y] = [1, 2].map((seed) => numpy.array(numbers(seed, count, elementRange)))
  const chain = jax.jit((a: JaxArray, b: JaxArray) => numpy.tanh(a.ref.mul(b)).add(a).mul(0.5))
  const sum = jax.jit((a: JaxArray) => a.sum())
  return preparedWith(kind, () => (kind === 'chain' ? chain(x.ref, y.ref) : sum(x.ref)))
}

export async function jaxCase(jax: Jax, wanted: PeerCase): Promise<PreparedCase> {
  switch (wanted.kind) {
    case 'product':
      return product(jax, wanted)
    case 'chain':
    case 'sum':
      return elements(jax, wanted)
    case 'training': {
      const { productResult, cachedProduct, jittedProduct, step, gradient, hessian } = await jaxNetwork(
        jax,
        wanted,
      )
      return {
        sample: sampleOf(await productResult()),
        runs: { cachedProduct, jittedProduct, step, gradient, hessian },
      }
    }
  }
}
