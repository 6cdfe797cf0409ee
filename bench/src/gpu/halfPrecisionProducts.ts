/**
 * Square products in subgroup matrices ("tensor cores"): float16 operands with float32 sums, and the float32 product from
 * two float16 halves of each operand (three products), both against float64. The float16 operands are multiples of 2^-10,
 * which float16 holds exactly. Rows say why where the device cannot.
 */
import {
  float16MatrixUnit,
  splitHalvesProduct,
  subgroupMatrixProduct,
  subgroupMatrixTilings,
} from '@hessian-free/gpu-wgsl'
import type { DeviceCapabilities, ShaderDispatch, SubgroupMatrixTiling } from '@hessian-free/gpu-wgsl'
import { numbers } from '../numbers.ts'
import type { GpuBench, GpuMeasurement } from './gpuBench.ts'
import { sampledError } from './sampledError.ts'
import type { ShaderTiming } from './shaderTiming.ts'
import { timeShaders } from './shaderTiming.ts'

const suite = 'half-precision'

/** Multiples of 2^-10 on [−½, ½). */
const exactHalves = (seed: number, count: number): Float32Array =>
  numbers(seed, count).map((value) => Math.floor(value * 1024) / 1024)

/** Bits of numbers that are zero or normal in float16 and exact in it. */
function float16Bits(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const bits = new Uint16Array(words.length)
  for (let i = 0; i < words.length; i++) {
    const magnitude = words[i] & 0x7fffffff
    bits[i] = ((words[i] >>> 16) & 0x8000) | (magnitude === 0 ? 0 : (magnitude >>> 13) - ((127 - 15) << 10))
  }
  return bits
}

interface Problem {
  readonly n: number
  readonly flops: number
  /** Values as they lie in memory, and as numbers. */
  readonly stored: readonly [ArrayBufferView<ArrayBuffer>, ArrayBufferView<ArrayBuffer>]
  readonly values: readonly [Float32Array, Float32Array]
  readonly generate: (
    tiling: SubgroupMatrixTiling | undefined,
    workspace: (bytes: number) => number,
  ) => ShaderDispatch[]
}

interface Outcome extends ShaderTiming {
  readonly relativeError: number
}

/** Storages 0, 1, 2 are the operands and the result; workspaces follow. */
async function run(
  { backend, plan }: GpuBench,
  problem: Problem,
  tiling?: SubgroupMatrixTiling,
): Promise<Outcome> {
  const { device } = backend
  const { n, stored, values, generate } = problem
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  const create = (size: number): GPUBuffer =>
    device.createBuffer({ size: Math.max(16, Math.ceil(size / 4) * 4), usage })
  const storages = [create(stored[0].byteLength), create(stored[1].byteLength), create(n * n * 4)]
  stored.forEach((view, i) => device.queue.writeBuffer(storages[i], 0, view))
  const dispatches = generate(tiling, (bytes) => storages.push(create(bytes)) - 1)
  const shaders = dispatches.map(({ source, bindings, workgroups }) => ({
    source,
    workgroups,
    bindings: bindings.map(({ storage, access }) => ({ buffer: storages[storage], access })),
  }))
  const timed = await timeShaders(device, shaders, plan)
  const found = await readFloats(device, storages[2], n * n)
  for (const storage of storages) storage.destroy()
  const [a, b] = values
  return { ...timed, relativeError: sampledError({ a, b, n, left: false, right: false }, found) }
}

async function readFloats(device: GPUDevice, buffer: GPUBuffer, count: number): Promise<Float32Array> {
  const staging = device.createBuffer({
    size: count * 4,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  })
  const encoder = device.createCommandEncoder()
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, count * 4)
  device.queue.submit([encoder.finish()])
  await staging.mapAsync(GPUMapMode.READ)
  const values = new Float32Array(staging.getMappedRange()).slice()
  staging.destroy()
  return values
}

interface TilingOutcome {
  readonly tiling: SubgroupMatrixTiling
  /** Or why there is none. */
  readonly gflops: number | string
}

/** All tilings, fastest first; on software devices none, because each takes seconds to compile. */
async function allTilings(bench: GpuBench, problem: Problem): Promise<TilingOutcome[]> {
  const { capabilities } = bench.backend
  const unit = float16MatrixUnit(capabilities)
  if (unit === undefined || capabilities.isSoftware) return []
  const outcomes: TilingOutcome[] = []
  for (const tiling of subgroupMatrixTilings(capabilities, unit)) {
    try {
      const { timing } = await run(bench, problem, tiling)
      outcomes.push({ tiling, gflops: Math.round(problem.flops / timing.milliseconds / 1e6) })
    } catch (error) {
      outcomes.push({ tiling, gflops: error instanceof Error ? error.message.slice(0, 200) : String(error) })
    }
  }
  const rate = ({ gflops }: TilingOutcome): number => (typeof gflops === 'number' ? gflops : 0)
  return outcomes.sort((one, other) => rate(other) - rate(one))
}

/** The product with the default tiling; the rates of all go into the details. */
async function row(bench: GpuBench, name: string, problem: Problem, peak: number | undefined): Promise<void> {
  const outcome = await run(bench, problem)
  const tilings = await allTilings(bench, problem)
  bench.emit({
    suite,
    case: name,
    ...outcome,
    flops: problem.flops,
    peak,
    ...(tilings.length === 0
      ? {}
      : { details: { tilings }, note: `best tiling ${tilings[0].gflops} GFLOP/s` }),
  })
}

const float16Problem = (n: number, device: DeviceCapabilities): Problem => {
  const values = [exactHalves(1, n * n), exactHalves(2, n * n)] as const
  return {
    n,
    flops: 2 * n ** 3,
    stored: [float16Bits(values[0]), float16Bits(values[1])],
    values,
    generate: (tiling, workspace) =>
      subgroupMatrixProduct({ ...operands(n), workspace }, 'float16', device, optionsOf(tiling)),
  }
}

/** The flops are those of one float32 product, though three are done for it. */
const splitProblem = (n: number, device: DeviceCapabilities): Problem => {
  const values = [new Float32Array(numbers(1, n * n)), new Float32Array(numbers(2, n * n))] as const
  return {
    n,
    flops: 2 * n ** 3,
    stored: values,
    values,
    generate: (tiling, workspace) =>
      splitHalvesProduct({ ...operands(n), workspace }, device, optionsOf(tiling)),
  }
}

const operands = (n: number) => ({ rows: n, columns: n, depth: n, lhs: 0, rhs: 1, result: 2 })
const optionsOf = (tiling: SubgroupMatrixTiling | undefined) => (tiling === undefined ? {} : { tiling })

export const halfPrecisionProducts: GpuMeasurement = {
  name: 'half',
  description: 'products in subgroup matrices, float16 and float32 from two halves',
  run: async (bench) => {
    const { backend, plan, card, emit, attempt } = bench
    const device = backend.capabilities
    const names = { plain: 'float16 in, float32 sums', split: 'float32 from two halves' }
    if (float16MatrixUnit(device) === undefined) {
      const why = device.subgroupMatrixShapes.length === 0 ? 'no subgroup matrices' : 'none for float16'
      for (const name of Object.values(names)) {
        emit({ suite, case: name, note: `skipped: the device offers ${why}` })
      }
      return undefined
    }
    for (const n of plan.products) {
      const [plain, split] = [`${n}, ${names.plain}`, `${n}, ${names.split}`]
      await attempt(suite, plain, () => row(bench, plain, float16Problem(n, device), card?.float16Tensor))
      await attempt(suite, split, () => row(bench, split, splitProblem(n, device), card?.float32))
    }
    return undefined
  },
}
