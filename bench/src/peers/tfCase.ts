/** Cases in TensorFlow.js. */
import { tfNetwork } from '../network/tfNetwork.ts'
import { numbers } from '../numbers.ts'
import type { PeerCase } from './peerCase.ts'
import { elementRange, productShapes, sampleOf } from './peerCase.ts'
import type { Tf, TfTensor } from './peers.ts'
import type { PreparedCase } from './preparedCase.ts'

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

async function preparedWith(name: string, run: () => TfTensor): Promise<PreparedCase> {
  const first = run()
  const sample = sampleOf(await first.data())
  first.dispose()
  return {
    sample,
    runs: {
      [name]: async () => {
        const result = run()
        await result.data()
        result.dispose()
      },
    },
  }
}

export async function tfCase(tf: Tf, wanted: PeerCase): Promise<PreparedCase> {
  switch (wanted.kind) {
    case 'product': {
      const [a, b] = productShapes(wanted).map((shape, i) => tf.tensor(numbers(i + 1, size(shape)), shape))
      return preparedWith('product', () => tf.matMul(a, b, wanted.left, wanted.right))
    }
    case 'chain':
    case 'sum': {
      const [x, y] = [1, 2].map((seed) => tf.tensor1d(numbers(seed, wanted.count, elementRange)))
      return preparedWith(wanted.kind, () =>
        tf.tidy(() => (wanted.kind === 'chain' ? tf.tanh(x.mul(y)).add(x).mul(0.5) : tf.sum(x))),
      )
    }
    case 'training': {
      const { product, productResult } = tfNetwork(tf, wanted)
      return { sample: sampleOf(await productResult()), runs: { product } }
    }
  }
}
