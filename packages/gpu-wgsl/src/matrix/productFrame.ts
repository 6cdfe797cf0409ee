/**
 * What every product kernel has around its loop: bindings, the output function, the entry point, and which tile of the
 * output a workgroup makes. Workgroups are numbered in one dimension, (split · batch + b) · tiles + tile, and numbers
 * past the end return at once.
 *
 * Order of tiles: along the columns, in bands of `bandRows` rows of tiles, down before right within a band, so that
 * workgroups that run at the same time share rows of the left operand and columns of the right one in the cache.
 */
import type { DotKernel } from '@hessian-free/tensor'
import { dispatchGrid } from '../wgsl/dispatchGrid.ts'
import type { KernelBindings, Lanes } from '../wgsl/kernelBindings.ts'
import { bindBuffers } from '../wgsl/kernelBindings.ts'
import type { KernelContext, ShaderDispatch } from '../wgsl/shaderDispatch.ts'
import type { MatrixVariant } from './matrixVariant.ts'
import { outputTile, threadsOf, variantKey } from './matrixVariant.ts'
import type { ProductOperand } from './productOperand.ts'
import { leftOperand, rightOperand } from './productOperand.ts'
import type { ProductSink } from './productSink.ts'
import { emitSink, isBare, sinkBuffers, sinkLanes } from './productSink.ts'

/** Rows of tiles in a band on hardware; a heuristic. */
const bandRows = 8

/** What the loop of a kernel is written over. WGSL in scope: `batch`, `start`, `end`, `tileRow`, `tileColumn`, `thread`. */
export interface ProductFrame {
  readonly kernel: DotKernel
  readonly left: ProductOperand
  readonly right: ProductOperand
  readonly bindings: KernelBindings
  readonly lanes: Lanes
  /** Every part's length is a multiple of this number of steps, or unknown if 1. */
  readonly depthMultiple: number
  /** A statement that hands over the sums of `lanes` columns. */
  readonly finish: (row: string, column: string, value: string) => string
  /** Whether the loop over the outputs of a thread stays a loop in the text: short programs compile fast. */
  readonly rolled: boolean
}

export interface ProductBody {
  /** What the module begins with: extensions that it enables. */
  readonly directives?: string
  /** Module-scope declarations. */
  readonly declarations: string
  /** Statements of the entry point. */
  readonly statements: string
}

/** Where the depth is cut: `parts` of `length` steps, the last one perhaps shorter. */
export interface DepthParts {
  readonly parts: number
  readonly length: number
}

/** Cuts the depth into at most `splits` parts whose length is a multiple of `step`. */
export function splitDepth(depth: number, splits: number, step: number): DepthParts {
  const length = Math.min(depth, Math.ceil(Math.ceil(depth / splits) / step) * step)
  return { parts: Math.ceil(depth / length), length }
}

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b)

/** A dispatch that computes every part of the product and gives the sums to `sink` (whose batch counts the parts too). */
export function productDispatch(
  kernel: DotKernel,
  variant: MatrixVariant,
  { parts, length }: DepthParts,
  sink: ProductSink,
  context: KernelContext,
  body: (frame: ProductFrame) => ProductBody,
): ShaderDispatch {
  const { batch, rows, columns, depth } = kernel
  // Each lane of a quad loads half of what it needs.
  const share = variant.kind === 'quad' ? 2 : 1
  const left = asVariantReads(leftOperand(kernel), variant, variant.threadRows / share)
  const right = asVariantReads(rightOperand(kernel), variant, variant.threadColumns / share)
  const lanes = variant.kind === 'vector' ? 1 : sinkLanes(sink, variant.threadColumns)
  const { reads, writes, vectors: sinkVectors } = sinkBuffers(sink, lanes, context)
  const vectors = new Set(sinkVectors)
  for (const { buffer, quads } of [left, right]) if (quads !== 'none') vectors.add(buffer)
  const bindings = bindBuffers(context, { reads: [left.buffer, right.buffer, ...reads], writes, vectors })
  const emitted = emitSink(sink, lanes, bindings, vectors)

  const [tileRows, tileColumns] = outputTile(variant)
  const down = Math.ceil(rows / tileRows)
  const across = Math.ceil(columns / tileColumns)
  const count = parts * batch * down * across
  const grid = dispatchGrid(count, context.device)
  const surplus = grid.workgroups[0] * grid.workgroups[1] > count
  const {
    directives = '',
    declarations,
    statements,
  } = body({
    kernel,
    left,
    right,
    bindings,
    lanes,
    depthMultiple: parts === 1 ? depth : greatestCommonDivisor(depth, length),
    finish: (row, column, value) => emitted.call('place', row, column, value),
    rolled:
      context.device.isSoftware &&
      !(isBare(sink.epilogue) && (lanes === 4 || variant.threadColumns % 4 !== 0)),
  })
  return {
    label: `dot [${batch}, ${rows}, ${columns}; ${depth}] ${variantKey(variant)}`,
    source: `${directives}${bindings.declarations}${declarations}${emitted.source}
@compute @workgroup_size(${threadsOf(variant)})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
let number = ${grid.workgroupIndex};
${surplus ? `if (number >= ${count}u) { return; }\n` : ''}let place = number / ${down * across}u;
${parts === 1 ? 'let batch = place;' : `let batch = place % ${batch}u;\nlet part = place / ${batch}u;`}
${depthRange(depth, parts, length)}
${tileStatements(down, across, context.device.isSoftware ? 1 : bandRows)}
${statements}
}
`,
    bindings: bindings.bindings,
    workgroups: grid.workgroups,
  }
}

/** Vectors only along an axis of which a thread takes whole ones. */
function asVariantReads(operand: ProductOperand, variant: MatrixVariant, perThread: number): ProductOperand {
  const takes = {
    outer: variant.kind !== 'vector' && perThread % 4 === 0,
    depth: (variant.kind !== 'direct' && variant.kind !== 'quad') || variant.unroll % 4 === 0,
    none: true,
  }
  return takes[operand.quads] ? operand : { ...operand, quads: 'none' }
}

function depthRange(depth: number, parts: number, length: number): string {
  if (parts === 1) return `const start = 0u;\nconst end = ${depth}u;`
  const end = parts * length === depth ? `start + ${length}u` : `min(start + ${length}u, ${depth}u)`
  return `let start = part * ${length}u;\nlet end = ${end};`
}

function tileStatements(down: number, across: number, band: number): string {
  const tile = `let tile = number % ${down * across}u;\n`
  if (band === 1 || down === 1)
    return `${tile}let tileRow = tile / ${across}u;\nlet tileColumn = tile % ${across}u;`
  return `${tile}let firstRow = tile / ${band * across}u * ${band}u;
let inBand = tile % ${band * across}u;
let height = min(${down}u - firstRow, ${band}u);
let tileRow = firstRow + inBand % height;
let tileColumn = inBand / height;`
}
