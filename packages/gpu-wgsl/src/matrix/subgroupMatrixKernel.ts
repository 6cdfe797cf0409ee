/**
 * The inner product kernel over packed float16 operands, in subgroup matrices with float32 sums:
 *   result[z] = Σ over the steps of slice z and over the terms (p, q) of  lhs part p · rhs part q.
 * A plain product has one part of each operand and one term; the float32 product from two halves has two parts and
 * three terms (splitHalvesProduct.ts). All extents are multiples of the tile; packing kernels pad with zeros.
 *
 * Written against Dawn's present syntax (the layout is a template argument of load and store; the older form with a
 * boolean is gone from its development head). Offsets and strides of a load count elements of the pointee: vectors of
 * four in workgroup memory.
 */
import type { SubgroupMatrixTiling, SubgroupMatrixUnit } from './subgroupMatrixTiling.ts'
import { tileSize } from './subgroupMatrixTiling.ts'

/** One product among the parts of the operands: 0 is the high half, 1 the low one. */
export interface HalfTerm {
  readonly lhs: number
  readonly rhs: number
}

export interface PackedProduct {
  /** Multiples of the tile. */
  readonly rows: number
  readonly columns: number
  readonly depth: number
  /** lhs is [rows, parts · depth], rhs is [parts · depth, columns], both float16 and row-major. */
  readonly parts: number
  /** In order of summation. */
  readonly terms: readonly HalfTerm[]
  /**
   * All parts of a slice of the depth are staged at once and every term is added: fewer loads. Otherwise the terms are
   * whole passes over the depth, so that small ones can be summed before large ones.
   */
  readonly staged: boolean
  /** Slices of the depth, each with a result of its own: [slices, rows, columns] float32. */
  readonly slices: number
}

/** Steps of each slice; the last may have fewer, none has none if `slices` ≤ `usefulSlices`. */
const stepsPerSlice = (steps: number, slices: number): number => Math.ceil(steps / slices)

/** The number of slices actually filled when about `wanted` are asked for. */
export function usefulSlices(depth: number, tileDepth: number, wanted: number): number {
  const steps = depth / tileDepth
  return Math.ceil(steps / stepsPerSlice(steps, Math.max(1, Math.min(wanted, steps))))
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const each = (count: number, line: (i: number) => string): string => range(count).map(line).join('\n')

/** Staging of one operand: from memory into registers, from there into workgroup memory. */
interface Stage {
  readonly name: string
  /** Vectors of four across and in all, of one tile. */
  readonly across: number
  readonly vectors: number
  /** Vectors between rows of the tile in workgroup memory. */
  readonly stride: number
  readonly tileVectors: number
  /** Index in memory of vector (row, column) of the tile of a part at a step. */
  readonly address: (row: string, column: string, part: string) => string
}

/** WGSL of `main` with bindings lhs, rhs (read) and result; one workgroup per tile, slices along z. */
export function subgroupMatrixKernel(
  product: PackedProduct,
  tiling: SubgroupMatrixTiling,
  unit: SubgroupMatrixUnit,
): string {
  const { rows, columns, depth, parts, terms, staged, slices } = product
  const { subgroupColumns, fragmentRows, fragmentColumns, padding, doubleBuffered } = tiling
  const { shape } = unit
  const tile = tileSize(tiling, unit)
  const stagedParts = staged ? parts : 1
  const steps = depth / tile.depth
  const sliceSteps = stepsPerSlice(steps, slices)

  const lhs: Stage = {
    name: 'lhs',
    across: tile.depth / 4,
    vectors: (tile.rows * tile.depth) / 4,
    stride: (tile.depth + padding) / 4,
    tileVectors: (tile.rows * (tile.depth + padding)) / 4,
    address: (row, column, part) =>
      `(row0 + ${row}) * ${(parts * depth) / 4}u + ${part} * ${depth / 4}u + step * ${tile.depth / 4}u + ${column}`,
  }
  const rhs: Stage = {
    name: 'rhs',
    across: tile.columns / 4,
    vectors: (tile.depth * tile.columns) / 4,
    stride: (tile.columns + padding) / 4,
    tileVectors: (tile.depth * (tile.columns + padding)) / 4,
    address: (row, column, part) =>
      `(${part} * ${depth}u + step * ${tile.depth}u + ${row}) * ${columns / 4}u + column0 / 4u + ${column}`,
  }

  const rounds = ({ vectors }: Stage): number => Math.ceil(vectors / tile.threads)
  const guarded = ({ vectors }: Stage, i: number, statement: string): string =>
    (i + 1) * tile.threads <= vectors ? statement : `if (e < ${vectors}u) { ${statement} }`
  const overStage = (stage: Stage, statement: (register: string, part: number) => string): string =>
    each(stagedParts, (part) =>
      each(
        rounds(stage),
        (i) =>
          `{ let e = local + ${i * tile.threads}u; ${guarded(stage, i, statement(`${stage.name}${part}_${i}`, part))} }`,
      ),
    )
  const partOf = (stage: Stage, staticPart: number): string =>
    staged ? `${staticPart}u` : stage.name === 'lhs' ? 'lhsPart' : 'rhsPart'
  const load = (stage: Stage): string =>
    overStage(
      stage,
      (register, part) =>
        `${register} = ${stage.name}[${stage.address(`e / ${stage.across}u`, `e % ${stage.across}u`, partOf(stage, part))}];`,
    )
  const save = (stage: Stage, buffer: string): string =>
    overStage(
      stage,
      (register, part) =>
        `${stage.name}Tile[(${buffer} * ${stagedParts}u + ${part}u) * ${stage.tileVectors}u + (e / ${stage.across}u) * ${stage.stride}u + e % ${stage.across}u] = ${register};`,
    )

  const partNumber = (side: 'lhs' | 'rhs'): string =>
    terms.reduceRight(
      (otherwise, term, i) =>
        i === terms.length - 1 ? `${term[side]}u` : `select(${otherwise}, ${term[side]}u, term == ${i}u)`,
      '',
    )
  /** Registers ← the tiles of iteration `t`. */
  const loadIteration = (t: string): string => `{
    ${
      staged || terms.length === 1
        ? `let step = firstStep + ${t};`
        : `let term = (${t}) / sliceSteps; let step = firstStep + (${t}) % sliceSteps;`
    }
    ${staged ? '' : terms.length === 1 ? `let lhsPart = ${terms[0].lhs}u; let rhsPart = ${terms[0].rhs}u;` : `let lhsPart = ${partNumber('lhs')}; let rhsPart = ${partNumber('rhs')};`}
    ${load(lhs)}
    ${load(rhs)}
  }`

  const leftType = `subgroup_matrix_left<f16, ${shape.depth}, ${shape.rows}>`
  const rightType = `subgroup_matrix_right<f16, ${shape.columns}, ${shape.depth}>`
  const resultType = `subgroup_matrix_result<f32, ${shape.columns}, ${shape.rows}>`
  const tileBase = (stage: Stage, buffer: string, part: number): string =>
    `(${buffer} * ${stagedParts}u + ${part}u) * ${stage.tileVectors}u`
  const stagedTerms = staged ? terms : [{ lhs: 0, rhs: 0 }]
  const multiply = (buffer: string): string =>
    each(
      tile.depth / shape.depth,
      (slice) => `{
    ${each(stagedParts, (part) =>
      each(
        fragmentColumns,
        (j) =>
          `let right${part}_${j} = subgroupMatrixLoad<${rightType}, row_major>(&rhsTile, ${tileBase(rhs, buffer, part)} + ${slice * shape.depth * rhs.stride}u + (subgroupColumn * ${fragmentColumns}u + ${j}u) * ${shape.columns / 4}u, ${rhs.stride}u);`,
      ),
    )}
    ${each(
      fragmentRows,
      (i) => `{
      ${each(
        stagedParts,
        (part) =>
          `let left${part} = subgroupMatrixLoad<${leftType}, row_major>(&lhsTile, ${tileBase(lhs, buffer, part)} + (subgroupRow * ${fragmentRows}u + ${i}u) * ${shape.rows * lhs.stride}u + ${(slice * shape.depth) / 4}u, ${lhs.stride}u);`,
      )}
      ${stagedTerms
        .map((term) =>
          each(
            fragmentColumns,
            (j) =>
              `sum${i}_${j} = subgroupMatrixMultiplyAccumulate(left${term.lhs}, right${term.rhs}_${j}, sum${i}_${j});`,
          ),
        )
        .join('\n')}
    }`,
    )}
  }`,
    )

  const iterations = staged ? 'sliceSteps' : `sliceSteps * ${terms.length}u`
  const loop = doubleBuffered
    ? `${loadIteration('0u')}
  ${save(lhs, '0u')}
  ${save(rhs, '0u')}
  workgroupBarrier();
  var current = 0u;
  for (var t = 0u; t < iterations; t++) {
    let more = t + 1u < iterations;
    if (more) ${loadIteration('(t + 1u)')}
    ${multiply('current')}
    if (more) {
      ${save(lhs, '(1u - current)')}
      ${save(rhs, '(1u - current)')}
    }
    workgroupBarrier();
    current = 1u - current;
  }`
    : `for (var t = 0u; t < iterations; t++) {
    ${loadIteration('t')}
    ${save(lhs, '0u')}
    ${save(rhs, '0u')}
    workgroupBarrier();
    ${multiply('0u')}
    workgroupBarrier();
  }`

  const registers = (stage: Stage): string =>
    each(stagedParts, (part) => each(rounds(stage), (i) => `var ${stage.name}${part}_${i}: vec4<f16>;`))
  const buffers = doubleBuffered ? 2 : 1
  return `enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
@group(0) @binding(0) var<storage, read> lhs: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read> rhs: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read_write> result: array<f32>;
var<workgroup> lhsTile: array<vec4<f16>, ${buffers * stagedParts * lhs.tileVectors}>;
var<workgroup> rhsTile: array<vec4<f16>, ${buffers * stagedParts * rhs.tileVectors}>;
@compute @workgroup_size(${tile.threads})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let row0 = group.y * ${tile.rows}u;
  let column0 = group.x * ${tile.columns}u;
  let subgroupRow = subgroup / ${subgroupColumns}u;
  let subgroupColumn = subgroup % ${subgroupColumns}u;
  let firstStep = group.z * ${sliceSteps}u;
  let sliceSteps = ${steps % sliceSteps === 0 ? `${sliceSteps}u` : `min(${sliceSteps}u, ${steps}u - firstStep)`};
  let iterations = ${iterations};
  ${registers(lhs)}
  ${registers(rhs)}
  ${each(fragmentRows, (i) => each(fragmentColumns, (j) => `var sum${i}_${j} = ${resultType}();`))}
  ${loop}
  ${each(fragmentRows, (i) =>
    each(
      fragmentColumns,
      (j) =>
        `subgroupMatrixStore<row_major>(&result, (group.z * ${rows}u + row0 + (subgroupRow * ${fragmentRows}u + ${i}u) * ${shape.rows}u) * ${columns}u + column0 + (subgroupColumn * ${fragmentColumns}u + ${j}u) * ${shape.columns}u, sum${i}_${j}, ${columns}u);`,
    ),
  )}
}
`
}
