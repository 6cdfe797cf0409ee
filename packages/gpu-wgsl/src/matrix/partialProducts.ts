/**
 * What stands after the subgroup-matrix kernel: padded float32 products of each slice of the depth,
 * [slices, paddedRows, paddedColumns]. They are added in order (a fixed order, so that results repeat bit for bit, and
 * in ordinary float32 sums, which matrix units do not promise), rescaled by powers of two, and cut to size:
 *   result[i, j] = 2^(E_i + E_j − 28) · Σ_z partial[z, i, j]
 */
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { dispatchGrid } from '../wgsl/dispatchGrid.ts'
import type { ShaderDispatch, StorageIndex } from '../wgsl/shaderDispatch.ts'
import { scaledExponent } from './halfPacking.ts'

export interface PartialProducts {
  readonly partial: StorageIndex
  readonly slices: number
  readonly paddedRows: number
  /** A multiple of four. */
  readonly paddedColumns: number
  readonly result: StorageIndex
  readonly rows: number
  readonly columns: number
  /** Exponents of the rows of the left and of the columns of the right operand. */
  readonly exponents?: { readonly rows: StorageIndex; readonly columns: StorageIndex }
}

const threads = 256

/** Binding declarations beyond `partial` and `result`, and the factors. The exponent −252 … 226 needs two of them. */
const rescaling = (lanes: 1 | 4): { declarations: string; statements: string } => ({
  declarations: `@group(0) @binding(2) var<storage, read> rowExponents: array<i32>;
@group(0) @binding(3) var<storage, read> columnExponents: array<i32>;
fn powerOfTwo(n: i32) -> f32 { return bitcast<f32>(u32(n + 127) << 23u); }
fn rescale(x: f32, n: i32) -> f32 {
  let first = clamp(n, -126, 127);
  return (x * powerOfTwo(first)) * powerOfTwo(n - first);
}
`,
  statements:
    lanes === 1
      ? `  sum = rescale(sum, rowExponents[row] + columnExponents[column] - ${2 * scaledExponent});`
      : `  let exponent = rowExponents[row] - ${2 * scaledExponent};
  for (var lane = 0u; lane < 4u; lane++) { sum[lane] = rescale(sum[lane], exponent + columnExponents[column * 4u + lane]); }`,
})

export function sumPartialProducts(products: PartialProducts, device: DeviceCapabilities): ShaderDispatch {
  const { partial, slices, paddedRows, paddedColumns, result, rows, columns, exponents } = products
  const lanes = columns % 4 === 0 ? 4 : 1
  const type = lanes === 4 ? 'vec4<f32>' : 'f32'
  const [across, paddedAcross] = [columns / lanes, paddedColumns / lanes]
  const { workgroups, workgroupIndex } = dispatchGrid(Math.ceil((rows * across) / threads), device)
  const scaling = exponents === undefined ? { declarations: '', statements: '' } : rescaling(lanes)
  return {
    label: `sumPartialProducts ${slices} × [${rows}, ${columns}]`,
    source: `@group(0) @binding(0) var<storage, read> partial: array<${type}>;
@group(0) @binding(1) var<storage, read_write> result: array<${type}>;
${scaling.declarations}@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${workgroupIndex} * ${threads}u + local;
  if (i >= ${rows * across}u) { return; }
  let row = i / ${across}u;
  let column = i % ${across}u;
  var sum = ${type}();
  for (var slice = 0u; slice < ${slices}u; slice++) {
    sum += partial[slice * ${paddedRows * paddedAcross}u + row * ${paddedAcross}u + column];
  }
${scaling.statements}
  result[i] = sum;
}
`,
    bindings: [
      { storage: partial, access: 'read' },
      { storage: result, access: 'read_write' },
      ...(exponents === undefined
        ? []
        : ([
            { storage: exponents.rows, access: 'read' },
            { storage: exponents.columns, access: 'read' },
          ] as const)),
    ],
    workgroups,
  }
}
