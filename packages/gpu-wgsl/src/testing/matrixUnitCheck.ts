/**
 * The numerics of matrix units on a device that has them, against float64: conversions between float16 and float32, the
 * float16 product, and the float32 product from two halves on plain and on badly scaled data. Every figure is given
 * beside the bound that the generators' comments state; the script of bench/gpu/lavapipe runs it on software, a
 * benchmark may run it on hardware.
 */
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { splitHalvesProduct } from '../matrix/splitHalvesProduct.ts'
import type { RowMajorProduct } from '../matrix/subgroupMatrixProduct.ts'
import { subgroupMatrixProduct } from '../matrix/subgroupMatrixProduct.ts'
import type { SubgroupMatrixTiling } from '../matrix/subgroupMatrixTiling.ts'
import { float16MatrixUnit, subgroupMatrixTilings } from '../matrix/subgroupMatrixTiling.ts'
import type { ShaderDispatch } from '../wgsl/shaderDispatch.ts'
import { decodeFloat16, encodeFloat16, roundToFloat16 } from './float16.ts'
import type { ProductProblem } from './productAccuracy.ts'
import { badlyScaled, errorsOf, float32Bound, splitHalvesBound, uniform } from './productAccuracy.ts'
import { runDispatches, StorageList } from './runDispatches.ts'

export interface CheckRow {
  readonly name: string
  /** The largest error, as a share of Σ|a·b| for products and of the value for conversions. */
  readonly error: number
  /** The largest error as a share of its bound: at most 1. */
  readonly shareOfBound: number
}

type Generate = (problem: RowMajorProduct) => ShaderDispatch[]

async function product(
  device: GPUDevice,
  { rows, columns, depth, lhs, rhs }: ProductProblem,
  encode: (values: Float32Array<ArrayBuffer>) => ArrayBufferView<ArrayBuffer>,
  generate: Generate,
): Promise<Float32Array> {
  const list = new StorageList()
  const [left, right] = [list.addContents(encode(lhs)), list.addContents(encode(rhs))]
  const result = list.add(rows * columns * 4)
  const sizes = { rows, columns, depth }
  const dispatches = generate({ ...sizes, lhs: left, rhs: right, result, workspace: list.add })
  return new Float32Array(await runDispatches(device, dispatches, list.storages, result))
}

/** All 65,536 float16 numbers to float32 and back, and float32 numbers to float16. */
async function conversions(device: GPUDevice): Promise<CheckRow[]> {
  const run = async (
    contents: ArrayBufferView<ArrayBuffer>,
    [from, to]: readonly [string, string],
    count: number,
    bytes: number,
  ): Promise<ArrayBuffer> => {
    const list = new StorageList()
    const [source, target] = [list.addContents(contents), list.add(bytes)]
    const dispatch: ShaderDispatch = {
      label: `convert ${from} to ${to}`,
      source: `enable f16;
@group(0) @binding(0) var<storage, read> source: array<${from}>;
@group(0) @binding(1) var<storage, read_write> converted: array<${to}>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) { converted[id.x] = ${to}(source[id.x]); }`,
      bindings: [
        { storage: source, access: 'read' },
        { storage: target, access: 'read_write' },
      ],
      workgroups: [count / 64, 1, 1],
    }
    return runDispatches(device, [dispatch], list.storages, target)
  }
  const patterns = Uint16Array.from({ length: 65_536 }, (_, i) => i)
  const widened = new Float32Array(await run(patterns, ['f16', 'f32'], 65_536, 4 * 65_536))
  const narrowed = new Uint16Array(await run(widened, ['f32', 'f16'], 65_536, 2 * 65_536))
  const finite = [...patterns.keys()].filter((bits) => (bits & 0x7c00) !== 0x7c00)
  const isSubnormal = (bits: number): boolean => (bits & 0x7c00) === 0 && (bits & 0x3ff) !== 0
  const wrong = (tested: (bits: number) => boolean): number =>
    finite.filter(
      (bits) => tested(bits) && (widened[bits] !== decodeFloat16(bits) || narrowed[bits] !== bits),
    ).length

  const values = uniform(65_536, 5).map((value, i) => value * 2 ** ((i % 24) - 10))
  const halves = new Uint16Array(await run(values, ['f32', 'f16'], 65_536, 2 * 65_536))
  let error = 0
  let notNearest = 0
  values.forEach((value, i) => {
    error = Math.max(error, Math.abs(decodeFloat16(halves[i]) - value) / Math.max(Math.abs(value), 2 ** -14))
    if (halves[i] !== encodeFloat16(value)) notNearest++
  })
  return [
    {
      name: 'normal float16 to float32 and back: wrong ones',
      error: wrong((bits) => !isSubnormal(bits)),
      shareOfBound: wrong((bits) => !isSubnormal(bits)),
    },
    {
      name: 'subnormal float16 to float32 and back: wrong ones (flushing is allowed)',
      error: wrong(isSubnormal),
      shareOfBound: 0,
    },
    // WGSL allows either neighbour.
    {
      name: `float32 to float16 (${notNearest} of 65536 not to the nearest)`,
      error,
      shareOfBound: error / 2 ** -10,
    },
  ]
}

const sizes = [
  { rows: 1, columns: 1, depth: 1 },
  { rows: 64, columns: 64, depth: 64 },
  { rows: 33, columns: 70, depth: 129 },
  { rows: 40, columns: 24, depth: 5000 },
]

/** @throws {BackendError} where the device has no matrix unit, or a shader does not compile. */
export async function checkMatrixUnits(
  device: GPUDevice,
  capabilities: DeviceCapabilities,
  report: (row: CheckRow) => void,
): Promise<void> {
  for (const row of await conversions(device)) report(row)
  const encodeHalves = (values: Float32Array): Uint16Array<ArrayBuffer> =>
    Uint16Array.from(values, (value) => encodeFloat16(value))
  // Matrix units of hardware may truncate sums instead of rounding them.
  const roundoff = capabilities.isSoftware ? 2 ** -24 : 2 ** -23
  const same = (values: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> => values

  for (const { size, tiling, kinds } of plan(capabilities)) {
    const { rows, columns, depth } = size
    const option = tiling === undefined ? {} : { tiling }
    const shape = `[${rows}, ${depth}] · [${depth}, ${columns}]`
    const where = tiling === undefined ? shape : `${shape} (${nameOf(tiling)})`
    const half: ProductProblem = {
      ...size,
      lhs: uniform(rows * depth, 1).map(roundToFloat16),
      rhs: uniform(depth * columns, 2).map(roundToFloat16),
    }
    for (const operands of kinds.operands) {
      const found = await product(device, half, operands === 'float16' ? encodeHalves : same, (problem) =>
        subgroupMatrixProduct(problem, operands, capabilities, option),
      )
      report({
        name: `float16 product, ${operands} in memory, ${where}`,
        ...errorsOf(half, found, float32Bound(half, roundoff)),
      })
    }
    const problems: [string, ProductProblem][] = [
      ['uniform', { ...size, lhs: uniform(rows * depth, 3), rhs: uniform(depth * columns, 4) }],
      [
        'badly scaled',
        { ...size, lhs: badlyScaled(rows, depth, 5, 'row'), rhs: badlyScaled(depth, columns, 6, 'column') },
      ],
    ]
    for (const staged of kinds.staged) {
      for (const [kind, problem] of problems) {
        const found = await product(device, problem, same, (given) =>
          splitHalvesProduct(given, capabilities, { staged, ...option }),
        )
        report({
          name: `float32 product from halves${staged ? ', staged' : ''}, ${kind}, ${where}`,
          ...errorsOf(problem, found, splitHalvesBound(problem, staged, roundoff)),
        })
      }
    }
  }
}

interface Planned {
  readonly size: { readonly rows: number; readonly columns: number; readonly depth: number }
  readonly tiling: SubgroupMatrixTiling | undefined
  readonly kinds: {
    readonly operands: readonly ('float16' | 'float32')[]
    readonly staged: readonly boolean[]
  }
}

const nameOf = (tiling: SubgroupMatrixTiling): string =>
  `${tiling.subgroupRows} × ${tiling.subgroupColumns} subgroups of ${tiling.fragmentRows} × ${tiling.fragmentColumns} fragments${tiling.doubleBuffered ? ', double-buffered' : ''}`

/** On a processor a shader takes seconds to compile: every size in the smallest tiles, larger ones once each. */
function plan(capabilities: DeviceCapabilities): Planned[] {
  const everything = { operands: ['float16', 'float32'], staged: [false, true] } as const
  const unit = float16MatrixUnit(capabilities)
  if (unit === undefined || !capabilities.isSoftware) {
    return sizes.map((size) => ({ size, tiling: undefined, kinds: everything }))
  }
  const small = subgroupMatrixTilings(capabilities, unit, 2).slice(-4)
  return [
    ...sizes.map((size) => ({ size, tiling: small.at(-1), kinds: everything })),
    ...small.slice(0, 3).map((tiling, i) => ({
      size: sizes[2],
      tiling,
      kinds: { operands: ['float32'] as const, staged: [i === 0] },
    })),
  ]
}
