/**
 * Square products in subgroup matrices ("tensor cores"): float16 operands with float32 sums, and the float32 product from
 * two float16 halves of each operand (three products), both against float64. Operands are multiples of 2^-10, which
 * float16 holds exactly, plus for the latter a part that only float32 holds. Rows say why where the device cannot.
 */
import {
  float16MatrixUnit,
  splitHalvesProduct,
  subgroupMatrixProduct,
  subgroupMatrixTilings,
} from '@hessian-free/gpu-wgsl'
import type { ShaderDispatch, SubgroupMatrixTiling } from '@hessian-free/gpu-wgsl'
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
  return Uint16Array.from(words, (word) => {
    const magnitude = word & 0x7fffffff
    return ((word >>> 16) & 0x8000) | (magnitude === 0 ? 0 : (magnitude >>> 13) - ((127 - 15) << 10))
  })
}

interface Problem {
  readonly n: number
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

/** The product with the default tiling, and on hardware with all others, whose rates go into the details. */
async function rows(
  bench: GpuBench,
  name: string,
  problem: Problem,
  {
    flops,
    peak,
    parts,
  }: { readonly flops: number; readonly peak: number | undefined; readonly parts: number },
): Promise<void> {
  const { capabilities } = bench.backend
  const unit = float16MatrixUnit(capabilities)
  const tilings =
    unit === undefined || capabilities.isSoftware ? [] : subgroupMatrixTilings(capabilities, unit, parts)
  const outcome = await run(bench, problem)
  const others: { readonly tiling: SubgroupMatrixTiling; readonly gflops: number }[] = []
  for (const tiling of tilings) {
    const { timing } = await run(bench, problem, tiling)
    others.push({ tiling, gflops: Math.round(flops / timing.milliseconds / 1e6) })
  }
  others.sort((a, b) => b.gflops - a.gflops)
  bench.emit({
    suite,
    case: name,
    ...outcome,
    flops,
    peak,
    details: others.length === 0 ? {} : { tilings: others },
    ...(others.length === 0 ? {} : { note: `best tiling ${others[0].gflops} GFLOP/s` }),
  })
}

export const halfPrecisionProducts: GpuMeasurement = {
  name: 'half',
  description: 'products in subgroup matrices, float16 and float32 from two halves',
  run: async (bench) => {
    const { backend, plan, card, emit } = bench
    const device = backend.capabilities
    if (float16MatrixUnit(device) === undefined) {
      const why = device.subgroupMatrixShapes.length === 0 ? 'no subgroup matrices' : 'none for float16'
      for (const name of ['float16 in, float32 sums', 'float32 from two halves']) {
        emit({ suite, case: name, note: `skipped: the device offers ${why}` })
      }
      return undefined
    }
    for (const n of plan.products) {
      const sizes = { rows: n, columns: n, depth: n, lhs: 0, rhs: 1, result: 2 }
      const halves = [exactHalves(1, n * n), exactHalves(2, n * n)] as const
      await rows(
        bench,
        `${n}, float16 in, float32 sums`,
        {
          n,
          stored: [float16Bits(halves[0]), float16Bits(halves[1])],
          values: halves,
          generate: (tiling, workspace) =>
            subgroupMatrixProduct(
              { ...sizes, workspace },
              'float16',
              device,
              tiling === undefined ? {} : { tiling },
            ),
        },
        { flops: 2 * n ** 3, peak: card?.float16Tensor, parts: 1 },
      )
      const singles = [numbers(1, n * n), numbers(2, n * n)] as const
      await rows(
        bench,
        `${n}, float32 from two halves`,
        {
          n,
          stored: singles as unknown as Problem['stored'],
          values: singles,
          generate: (tiling, workspace) =>
            splitHalvesProduct({ ...sizes, workspace }, device, tiling === undefined ? {} : { tiling }),
        },
        // The work of one float32 product: three are done for it.
        { flops: 2 * n ** 3, peak: card?.float32, parts: 1 },
      )
    }
    return undefined
  },
}
