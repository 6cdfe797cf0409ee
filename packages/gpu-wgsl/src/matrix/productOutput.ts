/**
 * Hands the sums of a thread to the output function. Sums are vectors of four columns or scalars; the function takes
 * either, so a vector is taken apart where the columns are no multiple of four.
 */
import type { ProductFrame } from './productFrame.ts'

export interface ThreadSum {
  readonly row: string
  readonly column: string
  /** A variable of type f32, or vec4<f32> if `width` is 4. */
  readonly value: string
  readonly width: 1 | 4
}

/** Statements that finish every sum, all of the same width. */
export function emitFinish(frame: ProductFrame, sums: readonly ThreadSum[]): string {
  const { finish, lanes, rolled } = frame
  const [{ width }] = sums
  const apart = width === 4 && lanes === 1
  const one = ({ row, column, value }: ThreadSum): string =>
    apart
      ? `for (var lane = 0u; lane < 4u; lane++) { ${finish(row, `${column} + lane`, `${value}[lane]`)} }\n`
      : `${finish(row, column, value)}\n`
  if (!rolled || sums.length === 1) return sums.map(one).join('')
  const list = (type: string, items: readonly string[]): string =>
    `array<${type}, ${items.length}>(${items.join(', ')})`
  const type = width === 4 ? 'vec4<f32>' : 'f32'
  return `var sums = ${list(
    type,
    sums.map(({ value }) => value),
  )};
var sumRows = ${list(
    'u32',
    sums.map(({ row }) => row),
  )};
var sumColumns = ${list(
    'u32',
    sums.map(({ column }) => column),
  )};
for (var s = 0u; s < ${sums.length}u; s++) {
${one({ row: 'sumRows[s]', column: 'sumColumns[s]', value: 'sums[s]', width })}}
`
}
