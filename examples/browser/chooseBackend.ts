/**
 * What computes in this browser. `auto` takes a GPU that is one, else WebAssembly, and says in plain words why; `gpu`
 * takes any adapter that WebGPU offers, a processor in disguise included, or fails with what is missing.
 */
import { createGpuBackend, isSoftwareAdapter } from '@hessian-free/gpu-wgsl'
import {
  BackendError,
  createReferenceBackend,
  createWasmBackend,
  isWasmSupported,
} from '@hessian-free/tensor'
import type { Backend } from '@hessian-free/tensor'
import { threadUseOf } from '../src/describeBackend.ts'
import type { RunChoices } from './messages.ts'

export interface ChosenBackend {
  readonly backend: Backend
  readonly description: string
  readonly notice?: string
}

/** Threads are for WebAssembly. */
type Wish = Pick<RunChoices, 'backend' | 'threads'>

/** What stands in the way of WebGPU, as a clause; undefined where a GPU can be had. */
type Obstacle = 'missing' | 'noAdapter' | 'software'

const obstacles: Readonly<Record<Obstacle, string>> = {
  missing: 'this browser does not offer WebGPU',
  noAdapter: 'this browser has WebGPU, but found no graphics adapter for it',
  software: 'WebGPU is only emulated on the processor here',
}

const remedies: Readonly<Record<Exclude<Obstacle, 'software'>, string>> = {
  missing:
    'Open the page in a current Chrome, Edge, Firefox or Safari, over https or from this machine, or choose the backend "Automatic"',
  noAdapter:
    'Turn on hardware acceleration in the settings of the browser (chrome://gpu says what it found), or choose the backend "Automatic"',
}

const sentence = (clause: string): string => `${clause[0].toUpperCase()}${clause.slice(1)}`

async function findObstacle(gpu: GPU | undefined): Promise<Obstacle | undefined> {
  if (gpu === undefined) return 'missing'
  const adapter = await gpu.requestAdapter()
  if (adapter === null) return 'noAdapter'
  return isSoftwareAdapter(adapter.info) ? 'software' : undefined
}

/**
 * @param gpu `navigator.gpu`, which not every browser has.
 * @throws {BackendError} if `gpu` is wanted and cannot be had.
 */
export async function chooseBackend(
  { backend: wanted, threads }: Wish,
  gpu: GPU | undefined,
): Promise<ChosenBackend> {
  if (wanted === 'wasm') return onProcessor(threads)
  const obstacle = await findObstacle(gpu)
  if (wanted === 'auto' && obstacle !== undefined) {
    return onProcessor(
      threads,
      `${sentence(obstacles[obstacle])}, so training runs in WebAssembly on the processor.`,
    )
  }
  if (gpu === undefined || obstacle === 'missing' || obstacle === 'noAdapter') {
    const reason = obstacle === 'noAdapter' ? obstacle : 'missing'
    throw new BackendError({ operation: 'WebGPU', rule: obstacles[reason], remedy: remedies[reason] })
  }
  try {
    const backend = await createGpuBackend({ gpu })
    return {
      backend,
      description: `WebGPU on ${backend.capabilities.adapterName}`,
      ...(obstacle === 'software' ? { notice: `${obstacles.software}; WebAssembly is faster.` } : {}),
    }
  } catch (error) {
    if (wanted === 'gpu' || !(error instanceof BackendError)) throw error
    return onProcessor(
      threads,
      `WebGPU failed (${error.message}), so training runs in WebAssembly on the processor.`,
    )
  }
}

const withNotice = (...sentences: readonly (string | undefined)[]): Pick<ChosenBackend, 'notice'> => {
  const notice = sentences.filter((each) => each !== undefined).join(' ')
  return notice === '' ? {} : { notice }
}

function describeProcessor(backend: Backend): Pick<ChosenBackend, 'description' | 'notice'> {
  const use = threadUseOf(backend)
  if (use === undefined) {
    const slow =
      'This browser has no WebAssembly with SIMD, so training runs in plain JavaScript and is very slow.'
    return { description: 'plain JavaScript', notice: slow }
  }
  const { threads, reason } = use
  return {
    description: `WebAssembly on ${threads === 1 ? 'one thread' : `${threads} threads`}`,
    ...withNotice(reason && `WebAssembly has one thread: ${reason}.`),
  }
}

function onProcessor(threads: number | undefined, why?: string): ChosenBackend {
  const backend = isWasmSupported()
    ? createWasmBackend(threads === undefined ? {} : { threads })
    : createReferenceBackend()
  const { description, notice } = describeProcessor(backend)
  return { backend, description, ...withNotice(why, notice) }
}
