/**
 * `pnpm bench gpu-peers`: matrix products and the Gauss-Newton product beside jax-js and TensorFlow.js on their WebGPU
 * backends, interleaved in one process on one Dawn with the same toggles, results compared before they are timed.
 */
import { BackendError, jit, tensor } from '@hessian-free/tensor'
import type { Backend, Tensor } from '@hessian-free/tensor'
import { createGpuBackend } from '@hessian-free/gpu-wgsl'
import { createDawn, useSwiftShader } from '@hessian-free/gpu-wgsl/node'
import { interleave } from '../interleave.ts'
import type { NetworkCase } from '../network/networkCase.ts'
import { jaxNetwork } from '../network/jaxNetwork.ts'
import { ourNetwork } from '../network/ourNetwork.ts'
import { tfNetwork } from '../network/tfNetwork.ts'
import { numbers, requireAgreement } from '../numbers.ts'
import type { Jax, Tf, TfTensor } from '../peers/peers.ts'
import { loadJax, loadTf } from '../peers/peers.ts'
import type { Row, RowParts } from '../row.ts'
import { rowOf } from '../row.ts'
import { formatTable } from '../rowTable.ts'
import { parseGpuOptions } from './gpuOptions.ts'

const help = [
  'Usage: pnpm bench gpu-peers [measurement…] [options]',
  '',
  '  product              square float32 products, plain and transposed',
  '  gauss-newton         Gauss-Newton product of a tanh network with softmax cross-entropy',
  '',
  '  --software           on SwiftShader, a Vulkan driver for the processor, from npm',
  '  --sizes 256,512      orders of the square matrices',
  '  --batches 64         cases of the network',
].join('\n')

/** How many times faster than either peer this project means to be. */
const target = 2
const widths = [784, 512, 256, 10]

interface Surroundings {
  readonly backend: Backend
  readonly jax: Jax | undefined
  readonly tf: Tf | undefined
  readonly timing: { readonly runs: number; readonly warmUp: number }
  readonly emit: (parts: RowParts) => void
}

const forms = [
  { name: 'NN', ours: (a: Tensor, b: Tensor) => a.dot(b), left: false, right: false },
  { name: 'NT', ours: (a: Tensor, b: Tensor) => a.dot(b.transpose()), left: false, right: true },
  { name: 'TN', ours: (a: Tensor, b: Tensor) => a.transpose().dot(b), left: true, right: false },
]

/** Times ours with every peer in one interleaved series; a row per peer. */
async function compare(
  { timing: options, emit }: Surroundings,
  parts: Pick<RowParts, 'suite' | 'case' | 'flops'>,
  ours: () => Promise<void>,
  peers: readonly { readonly name: string; readonly run: () => Promise<void> }[],
): Promise<void> {
  const [timing, ...theirs] = await interleave([ours, ...peers.map(({ run }) => run)], options)
  if (peers.length === 0) emit({ ...parts, timing, backend: 'gpu' })
  for (const [i, { name }] of peers.entries()) {
    emit({ ...parts, timing, backend: 'gpu', peer: { name, timing: theirs[i] }, target })
  }
}

async function products(surroundings: Surroundings, n: number): Promise<void> {
  const { backend, jax, tf } = surroundings
  const [x, y] = [numbers(1, n * n), numbers(2, n * n)]
  const [a, b] = [x, y].map((data) => tensor(data, { shape: [n, n], backend }))
  for (const { name, ours, left, right } of forms) {
    const compiled = jit(ours)
    const result = compiled(a, b)
    const check = await result.read()
    result.dispose()
    const peers: { name: string; run: () => Promise<void> }[] = []
    if (jax !== undefined) {
      const [p, q] = [x, y].map((data) => jax.numpy.array(data, { shape: [n, n] }))
      const product = () =>
        jax.numpy.matmul(left ? p.ref.transpose() : p.ref, right ? q.ref.transpose() : q.ref)
      requireAgreement(`${n} ${name}, jax-js`, check, await product().data())
      peers.push({
        name: 'jax-js',
        run: async () => {
          const found = product()
          await found.blockUntilReady()
          await jaxDevice(jax)
          found.dispose()
        },
      })
    }
    if (tf !== undefined) {
      const [p, q] = [x, y].map((data) => tf.tensor2d(data, [n, n]))
      const product = () => tf.matMul(p, q, left, right)
      const first = product()
      requireAgreement(`${n} ${name}, TensorFlow.js`, check, await first.data())
      first.dispose()
      peers.push({ name: 'tfjs', run: () => finishTf(tf, product) })
    }
    const mine = async (): Promise<void> => {
      compiled(a, b).dispose()
      await backend.synchronize()
    }
    await compare(
      surroundings,
      { suite: 'webgpu-product', case: `${n} ${name}`, flops: 2 * n ** 3 },
      mine,
      peers,
    )
    compiled.dispose()
  }
  a.dispose()
  b.dispose()
}

/**
 * Waits for all that jax-js has submitted. Its own `blockUntilReady` submits and then reads no bytes, for which Dawn
 * waits for nothing.
 */
async function jaxDevice(jax: Jax): Promise<void> {
  await jax.getWebGPUDevice().queue.onSubmittedWorkDone()
}

/** TensorFlow.js has no wait of its own: one element of the result is read, which costs it least. */
async function finishTf(tf: Tf, product: () => TfTensor): Promise<void> {
  const [result, element] = tf.tidy(() => {
    const found = product()
    return [found, tf.slice(found, [0, 0], [1, 1])] as const
  })
  await element.data()
  result.dispose()
  element.dispose()
}

async function gaussNewton(surroundings: Surroundings, network: NetworkCase): Promise<void> {
  const { backend, jax, tf } = surroundings
  const ours = ourNetwork(backend, network)
  const check = await ours.productResult()
  const peers: { name: string; run: () => Promise<void> }[] = []
  if (jax !== undefined) {
    const theirs = await jaxNetwork(jax, network, () => jaxDevice(jax))
    requireAgreement('Gauss-Newton product, jax-js', check, await theirs.productResult())
    peers.push({ name: 'jax-js cached by hand', run: theirs.cachedProduct })
    peers.push({ name: 'jax-js jit(jvp + vjp)', run: theirs.jittedProduct })
  }
  if (tf !== undefined) {
    const theirs = tfNetwork(tf, network)
    requireAgreement('Gauss-Newton product, TensorFlow.js', check, await theirs.productResult())
    peers.push({ name: 'tfjs double backward', run: theirs.product })
  }
  const mine = async (): Promise<void> => {
    ours.product()
    await backend.synchronize()
  }
  const parts = {
    suite: 'webgpu-gauss-newton',
    case: `${network.widths.join('-')}, batch ${network.batch}`,
    flops: ours.flops,
  }
  await compare(surroundings, parts, mine, peers)
}

/** @returns the exit code. */
export async function runGpuPeers(args: readonly string[]): Promise<number> {
  const options = parseGpuOptions(args, ['product', 'gauss-newton'])
  if (options.help) {
    console.log(help)
    return 0
  }
  if (options.software && !useSwiftShader(import.meta.url)) {
    throw new BackendError({
      operation: 'bench gpu-peers --software',
      rule: '@sparticuz/chromium must be installed',
    })
  }
  const gpu = await createDawn({ unchecked: true })
  const backend = await createGpuBackend({ gpu })
  // Both peers look for the browser's entry point.
  Object.defineProperty(globalThis, 'navigator', {
    value: { gpu, userAgent: 'Node', hardwareConcurrency: 1 },
    configurable: true,
  })
  const { isSoftware, adapterName } = backend.capabilities
  const rows: Row[] = []
  const surroundings: Surroundings = {
    backend,
    jax: await loadJax('webgpu'),
    tf: await loadTf('webgpu'),
    timing: isSoftware ? { runs: 5, warmUp: 1 } : { runs: 21, warmUp: 3 },
    emit: (parts) => {
      const row = { ...rowOf(parts), device: adapterName }
      rows.push(row)
      console.log(JSON.stringify(row))
    },
  }
  const wants = (name: string): boolean => options.measurements.includes(name)
  if (wants('product')) {
    for (const n of options.sizes ?? (isSoftware ? [256, 512] : [1024, 2048, 4096])) {
      await products(surroundings, n)
    }
  }
  if (wants('gauss-newton')) {
    for (const batch of options.batches ?? (isSoftware ? [64] : [256, 2048])) {
      await gaussNewton(surroundings, { widths, batch })
    }
  }
  console.error(`\n${formatTable(rows)}`)
  return 0
}
