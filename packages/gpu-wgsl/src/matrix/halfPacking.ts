/**
 * Packing kernels: row-major operands become zero-padded float16 matrices for `subgroupMatrixKernel`.
 *
 * `packHalves` rounds to float16. `splitHalves` keeps float32 accuracy in two halves of a scaled element,
 *   s = x · 2^(14−E),  high = round₁₁(s),  low = round₁₁(s − high),  x ≈ (high + low) · 2^(E−14)
 * where 2^E ≤ max|x| < 2^(E+1) over the row (or column), and round₁₁ rounds to the 11 significant bits of float16,
 * to nearest even. It is done on the bits, because WGSL leaves the rounding of a conversion to the driver. Scales are
 * powers of two, so scaling is exact.
 */
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { dispatchGrid } from '../wgsl/dispatchGrid.ts'
import type { ShaderDispatch, StorageIndex } from '../wgsl/shaderDispatch.ts'

/** A row-major matrix and where its padded float16 copy goes. Padded extents are multiples of four. */
export interface Packing {
  readonly source: StorageIndex
  readonly rows: number
  readonly columns: number
  readonly target: StorageIndex
  readonly paddedRows: number
  readonly paddedColumns: number
}

const threads = 256

const main = (
  count: number,
  device: DeviceCapabilities,
  body: string,
): [string, ShaderDispatch['workgroups']] => {
  const { workgroups, workgroupIndex } = dispatchGrid(Math.ceil(count / threads), device)
  return [
    `@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${workgroupIndex} * ${threads}u + local;
  if (i >= ${count}u) { return; }
${body}
}
`,
    workgroups,
  ]
}

/** `let row`, `let column` of the first of four elements of packed vector `i`, and the elements themselves. */
const loadFour = ({ rows, columns, paddedColumns }: Packing, zero: string): string => {
  const element = (k: number): string =>
    `if (column + ${k}u < ${columns}u) { four[${k}] = source[row * ${columns}u + column + ${k}u]; }`
  return `  let row = i / ${paddedColumns / 4}u;
  let column = (i % ${paddedColumns / 4}u) * 4u;
  var four = ${zero};
  if (row < ${rows}u) {
    ${[0, 1, 2, 3].map(element).join('\n    ')}
  }`
}

/** A padded copy in float16; float32 sources are rounded as the driver does. */
export function packHalves(
  packing: Packing,
  sourceType: 'f16' | 'f32',
  device: DeviceCapabilities,
): ShaderDispatch {
  const { source, rows, columns, target, paddedRows, paddedColumns } = packing
  const [entry, workgroups] = main(
    (paddedRows * paddedColumns) / 4,
    device,
    `${loadFour(packing, `vec4<${sourceType}>()`)}
  packed[i] = vec4<f16>(four);`,
  )
  return {
    label: `packHalves [${rows}, ${columns}]`,
    source: `enable f16;
@group(0) @binding(0) var<storage, read> source: array<${sourceType}>;
@group(0) @binding(1) var<storage, read_write> packed: array<vec4<f16>>;
${entry}`,
    bindings: [
      { storage: source, access: 'read' },
      { storage: target, access: 'read_write' },
    ],
    workgroups,
  }
}

/** Exponents lie in −112 … 127, so that 2^(14−E) is a normal float32; the results' are E_i + E_j − 28. */
export const scaledExponent = 14
const leastExponent = -112

const exponentOfBits = `fn exponentOf(bits: u32) -> i32 { return clamp(i32(bits >> 23u) - 127, ${leastExponent}, 127); }\n`

/** E of each row: one workgroup a row, maxima of the bits of |x|, so that the order does not matter. */
export function rowExponents(
  source: StorageIndex,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  target: StorageIndex,
  device: DeviceCapabilities,
): ShaderDispatch {
  const { workgroups, workgroupIndex } = dispatchGrid(rows, device)
  return {
    label: `rowExponents [${rows}, ${columns}]`,
    source: `@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> exponents: array<i32>;
var<workgroup> largest: array<u32, ${threads}>;
${exponentOfBits}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = ${workgroupIndex};
  var bits = 0u;
  if (row < ${rows}u) {
    for (var k = local; k < ${columns}u; k += ${threads}u) {
      bits = max(bits, source[row * ${columns}u + k] & 0x7fffffffu);
    }
  }
  largest[local] = bits;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half /= 2u) {
    if (local < half) { largest[local] = max(largest[local], largest[local + half]); }
    workgroupBarrier();
  }
  if (local == 0u && row < ${rows}u) { exponents[row] = exponentOf(largest[0]); }
}
`,
    bindings: [
      { storage: source, access: 'read' },
      { storage: target, access: 'read_write' },
    ],
    workgroups,
  }
}

/** Rows that one invocation of the first dispatch of `columnExponents` goes through. */
const chunkRows = 64

/** E of each column in two dispatches: maxima of 64 rows each, then of those. `workspace` takes bytes. */
export function columnExponents(
  source: StorageIndex,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  target: StorageIndex,
  device: DeviceCapabilities,
  workspace: (bytes: number) => StorageIndex,
): ShaderDispatch[] {
  const chunks = Math.max(1, Math.ceil(rows / chunkRows))
  const partial = workspace(chunks * columns * 4)
  const [first, firstGroups] = main(
    chunks * columns,
    device,
    `  let column = i % ${columns}u;
  let start = (i / ${columns}u) * ${chunkRows}u;
  var bits = 0u;
  for (var row = start; row < min(start + ${chunkRows}u, ${rows}u); row++) {
    bits = max(bits, source[row * ${columns}u + column] & 0x7fffffffu);
  }
  partial[i] = bits;`,
  )
  const [second, secondGroups] = main(
    columns,
    device,
    `  var bits = 0u;
  for (var chunk = 0u; chunk < ${chunks}u; chunk++) { bits = max(bits, partial[chunk * ${columns}u + i]); }
  exponents[i] = exponentOf(bits);`,
  )
  return [
    {
      label: `columnMaxima [${rows}, ${columns}]`,
      source: `@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> partial: array<u32>;
${first}`,
      bindings: [
        { storage: source, access: 'read' },
        { storage: partial, access: 'read_write' },
      ],
      workgroups: firstGroups,
    },
    {
      label: `columnExponents [${rows}, ${columns}]`,
      source: `@group(0) @binding(0) var<storage, read> partial: array<u32>;
@group(0) @binding(1) var<storage, read_write> exponents: array<i32>;
${exponentOfBits}${second}`,
      bindings: [
        { storage: partial, access: 'read' },
        { storage: target, access: 'read_write' },
      ],
      workgroups: secondGroups,
    },
  ]
}

/**
 * High and low halves of a scaled matrix. Those of a left operand, scaled by rows, lie side by side,
 * [paddedRows, 2 · paddedColumns]; those of a right one, scaled by columns, one above the other.
 */
export function splitHalves(
  packing: Packing,
  scaledBy: 'row' | 'column',
  exponents: StorageIndex,
  device: DeviceCapabilities,
): ShaderDispatch {
  const { source, rows, columns, target, paddedRows, paddedColumns } = packing
  const across = paddedColumns / 4
  const exponent = (k: number): string => `exponents[min(column + ${k}u, ${columns - 1}u)]`
  const exponentVector =
    scaledBy === 'row'
      ? `vec4<i32>(exponents[min(row, ${rows - 1}u)])`
      : `vec4<i32>(${[0, 1, 2, 3].map(exponent).join(', ')})`
  const [highIndex, lowIndex] =
    scaledBy === 'row'
      ? [`row * ${2 * across}u + column / 4u`, `row * ${2 * across}u + ${across}u + column / 4u`]
      : ['i', `i + ${paddedRows * across}u`]
  const [entry, workgroups] = main(
    paddedRows * across,
    device,
    `${loadFour(packing, 'vec4<f32>()')}
  let scale = bitcast<vec4<f32>>(vec4<u32>(vec4<i32>(${scaledExponent + 127}) - ${exponentVector}) << vec4<u32>(23u));
  let scaled = four * scale;
  let high = roundToEleven(scaled);
  packed[${highIndex}] = vec4<f16>(high);
  packed[${lowIndex}] = vec4<f16>(roundToEleven(scaled - high));`,
  )
  return {
    label: `splitHalves [${rows}, ${columns}]`,
    source: `enable f16;
@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read> exponents: array<i32>;
@group(0) @binding(2) var<storage, read_write> packed: array<vec4<f16>>;
// To 11 significant bits, to nearest even; infinities and NaN stay what they are.
fn roundToEleven(x: vec4<f32>) -> vec4<f32> {
  let bits = bitcast<vec4<u32>>(x);
  let odd = (bits >> vec4<u32>(13u)) & vec4<u32>(1u);
  let rounded = (bits + vec4<u32>(0x0fffu) + odd) & vec4<u32>(0xffffe000u);
  let special = (bits & vec4<u32>(0x7f800000u)) == vec4<u32>(0x7f800000u);
  return bitcast<vec4<f32>>(select(rounded, bits, special));
}
${entry}`,
    bindings: [
      { storage: source, access: 'read' },
      { storage: exponents, access: 'read' },
      { storage: target, access: 'read_write' },
    ],
    workgroups,
  }
}
