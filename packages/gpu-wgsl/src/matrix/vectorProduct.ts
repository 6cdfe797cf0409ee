/**
 * Products with few outputs and long depth, and matrix-vector products: a workgroup makes threadRows × threadColumns
 * outputs, its threads take every `threads`-th step (or quad of steps) of the depth, and their sums are added in
 * workgroup memory by a binary tree, always the same one, so that results repeat bit for bit.
 */
import type { VectorVariant } from './matrixVariant.ts'
import type { ProductBody, ProductFrame } from './productFrame.ts'
import type { ProductOperand } from './productOperand.ts'
import { affine, depthQuadBase, elementBase } from './productOperand.ts'

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

interface VectorReader {
  readonly setup: string
  /** Statements that load the values of all outer elements at step k, or at steps 4·q … 4·q + 3. */
  readonly load: string
}

function vectorReader(
  operand: ProductOperand,
  name: string,
  first: string,
  count: number,
  byQuads: boolean,
  { bindings }: ProductFrame,
): VectorReader {
  const { buffer, depthStride, outerExtent, quads } = operand
  const vectors = byQuads && quads === 'depth'
  const base = vectors ? depthQuadBase : elementBase
  const at = (i: number, step: string): string =>
    bindings.load(buffer, `${name}p${i} + ${affine(0, [[depthStride, step]])}`)
  const value = (i: number): string => {
    if (vectors) return bindings.loadVector(buffer, `${name}p${i} + q`)
    if (!byQuads) return at(i, 'k')
    return `vec4<f32>(${range(4)
      .map((step) => at(i, `(4u * q + ${step}u)`))
      .join(', ')})`
  }
  return {
    setup: range(count)
      .map(
        (i) =>
          `let ${name}p${i} = ${base(operand, 'batch', `min(${first} + ${i}u, ${outerExtent - 1}u)`)};\n`,
      )
      .join(''),
    load: range(count)
      .map((i) => `let ${name}${i} = ${value(i)};\n`)
      .join(''),
  }
}

/** The loop, the tree and the output of a product whose threads share the depth. */
export function vectorBody(variant: VectorVariant, frame: ProductFrame): ProductBody {
  const { threadRows, threadColumns, threads } = variant
  const rows = range(threadRows)
  const columns = range(threadColumns)
  const outputs = threadRows * threadColumns
  const byQuads = frame.left.quads === 'depth' || frame.right.quads === 'depth'
  const left = vectorReader(frame.left, 'l', `tileRow * ${threadRows}u`, threadRows, byQuads, frame)
  const right = vectorReader(
    frame.right,
    'r',
    `tileColumn * ${threadColumns}u`,
    threadColumns,
    byQuads,
    frame,
  )
  const type = byQuads ? 'vec4<f32>' : 'f32'
  const loop = byQuads
    ? `for (var q = start / 4u + thread; q < end / 4u; q += ${threads}u) {`
    : `for (var k = start + thread; k < end; k += ${threads}u) {`
  const each = (text: (i: number, j: number) => string): string =>
    rows.map((i) => columns.map((j) => text(i, j)).join('')).join('')
  const total = (sum: string): string => (byQuads ? `(${sum}.x + ${sum}.y) + (${sum}.z + ${sum}.w)` : sum)
  return {
    declarations: `var<workgroup> partial: array<f32, ${threads * outputs}>;\n`,
    statements: `${left.setup}${right.setup}${each((i, j) => `var c${i}_${j} = ${type}(0.0);\n`)}${loop}
${left.load}${right.load}${each((i, j) => `c${i}_${j} = fma(l${i}, r${j}, c${i}_${j});\n`)}}
${each((i, j) => `partial[${(i * threadColumns + j) * threads}u + thread] = ${total(`c${i}_${j}`)};\n`)}workgroupBarrier();
for (var half = ${threads / 2}u; half > 0u; half /= 2u) {
if (thread < half) {
for (var o = 0u; o < ${outputs}u; o++) { partial[o * ${threads}u + thread] += partial[o * ${threads}u + thread + half]; }
}
workgroupBarrier();
}
for (var o = thread; o < ${outputs}u; o += ${threads}u) {
${frame.finish(`tileRow * ${threadRows}u + o / ${threadColumns}u`, `tileColumn * ${threadColumns}u + o % ${threadColumns}u`, `partial[o * ${threads}u]`)}
}
`,
  }
}
