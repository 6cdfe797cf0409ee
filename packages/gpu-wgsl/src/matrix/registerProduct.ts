/**
 * The loop of products whose operands go from memory straight to registers: one multiply-add per pair of a row and a
 * column of the thread and step of the depth,
 *   sum[i, j] = fma(left[i, k], right[k, j], sum[i, j]).
 *
 * Sums lie in vectors of four neighbouring columns where a thread has a multiple of four, else in scalars.
 */
import type { OperandReader } from './operandReader.ts'
import type { ProductFrame } from './productFrame.ts'
import { emitFinish } from './productOutput.ts'

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

export interface RegisterTile {
  /** WGSL of the row of every item of the thread. */
  readonly rows: readonly string[]
  /** WGSL of the first column of every sum of a row. */
  readonly columns: readonly string[]
  /** Columns of one sum. */
  readonly width: 1 | 4
  readonly left: OperandReader
  readonly right: OperandReader
  /** Steps of the depth in one turn of the loop. */
  readonly unroll: number
}

/** Setup, loop and output; `row`, `column` and whatever the readers need are in scope. */
export function registerProduct(
  { rows, columns, width, left, right, unroll }: RegisterTile,
  frame: ProductFrame,
): { readonly statements: string } {
  const type = width === 4 ? 'vec4<f32>' : 'f32'
  const rightVector = (g: number, step: number): string => {
    if (width === 1) return right.scalar(g, step)
    if (frame.right.quads === 'outer') return `r${g}`
    return `vec4<f32>(${range(4)
      .map((lane) => right.scalar(4 * g + lane, step))
      .join(', ')})`
  }
  const leftScalar = (i: number, step: number): string =>
    width === 4 ? `vec4<f32>(${left.scalar(i, step)})` : left.scalar(i, step)
  const multiply = (step: number): string =>
    `{\n${left.loadStep(step)}${right.loadStep(step)}${columns
      .map(
        (_, g) =>
          `let v${g} = ${rightVector(g, step)};\n${rows
            .map((_row, i) => `c${i}_${g} = fma(${leftScalar(i, step)}, v${g}, c${i}_${g});\n`)
            .join('')}`,
      )
      .join('')}}\n`
  const turn = (steps: number): string =>
    `${left.load(steps)}${right.load(steps)}${range(steps).map(multiply).join('')}`

  const whole = frame.depthMultiple % unroll === 0
  const byQuads = frame.left.quads === 'depth' || frame.right.quads === 'depth'
  const rest = byQuads ? 4 : 1
  const sums = rows.flatMap((row, i) =>
    columns.map((column, g) => ({ row, column, value: `c${i}_${g}`, width })),
  )
  return {
    statements: `${left.setup}${right.setup}${sums.map(({ value }) => `var ${value} = ${type}(0.0);\n`).join('')}
var k = start;
for (; k + ${unroll}u <= end; k += ${unroll}u) {
${turn(unroll)}}
${whole ? '' : `for (; k < end; k += ${rest}u) {\n${turn(rest)}}\n`}${emitFinish(frame, sums)}`,
  }
}
