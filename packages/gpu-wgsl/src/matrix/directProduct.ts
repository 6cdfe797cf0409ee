/**
 * Products without workgroup memory: each thread keeps threadRows × threadColumns sums in registers and reads its rows
 * of the left operand and columns of the right one itself.
 *
 * A thread's quads of columns are `groupColumns` apart, so that neighbouring threads read neighbouring quads.
 */
import type { DirectVariant } from './matrixVariant.ts'
import { operandReader } from './operandReader.ts'
import type { ProductBody, ProductFrame } from './productFrame.ts'
import { registerProduct } from './registerProduct.ts'

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** The loop and the output of a direct product. */
export function directBody(variant: DirectVariant, frame: ProductFrame): ProductBody {
  const { threadRows, threadColumns, groupRows, groupColumns, unroll } = variant
  const width = threadColumns % 4 === 0 ? 4 : 1
  const rows = range(threadRows).map((i) => `row + ${i}u`)
  const groups = range(threadColumns / width).map((g) => g * width * groupColumns)
  const columns = groups.flatMap((first) => range(width).map((lane) => `column + ${first + lane}u`))
  const { statements } = registerProduct(
    {
      rows,
      columns: groups.map((first) => `column + ${first}u`),
      width,
      left: operandReader(frame.left, 'l', rows, frame),
      right: operandReader(frame.right, 'r', columns, frame),
      unroll,
    },
    frame,
  )
  return {
    declarations: '',
    statements: `let row = (tileRow * ${groupRows}u + thread / ${groupColumns}u) * ${threadRows}u;
let column = tileColumn * ${threadColumns * groupColumns}u + thread % ${groupColumns}u * ${width}u;
${statements}`,
  }
}
