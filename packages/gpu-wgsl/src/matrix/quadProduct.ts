/**
 * Products without workgroup memory in which the four lanes of a quad share what they load: they stand as 2 × 2 blocks of
 * threadRows × threadColumns sums, lane 2r + c in row r and column c. Lanes of one row of the quad need the same rows of
 * the left operand, so each loads half of them and gets the other half from its neighbour (`quadSwapX`); lanes of one
 * column share columns of the right operand likewise (`quadSwapY`).
 *
 * For processors that pretend to be GPUs: SwiftShader loads lane by lane, so half the loads are half the time beside the
 * multiply-adds, and an exchange within a quad is one shuffle of a register. GPUs broadcast such loads by themselves.
 */
import type { QuadVariant } from './matrixVariant.ts'
import { operandReader } from './operandReader.ts'
import type { ProductBody, ProductFrame } from './productFrame.ts'
import { registerProduct } from './registerProduct.ts'

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** What the module begins with. The loop is uniform, but its bounds are too much for the compiler's analysis. */
const directives = 'enable subgroups;\ndiagnostic(off, subgroup_uniformity);\n'

/** The loop and the output of a product by quads. */
export function quadBody(
  { threadRows, threadColumns, quads, unroll }: QuadVariant,
  frame: ProductFrame,
): ProductBody {
  const [halfRows, halfColumns] = [threadRows / 2, threadColumns / 2]
  const half = (count: number, name: string): string[] => range(count).map((i) => `${name} + ${i}u`)
  const groups = range(halfColumns / 4).map((g) => 4 * g)
  const { statements } = registerProduct(
    {
      rows: [...half(halfRows, 'ownRow'), ...half(halfRows, 'otherRow')],
      columns: ['ownColumn', 'otherColumn'].flatMap((name) => groups.map((first) => `${name} + ${first}u`)),
      width: 4,
      left: operandReader(frame.left, 'l', half(halfRows, 'ownRow'), frame, 'quadSwapX'),
      right: operandReader(frame.right, 'r', half(halfColumns, 'ownColumn'), frame, 'quadSwapY'),
      unroll,
    },
    frame,
  )
  return {
    directives,
    declarations: '',
    statements: `let down = (thread >> 1u) & 1u;
let across = thread & 1u;
let row = tileRow * ${2 * threadRows}u + down * ${threadRows}u;
let column = (tileColumn * ${quads}u + thread / 4u) * ${2 * threadColumns}u + across * ${threadColumns}u;
let ownRow = row + across * ${halfRows}u;
let otherRow = row + (1u - across) * ${halfRows}u;
let ownColumn = column + down * ${halfColumns}u;
let otherColumn = column + (1u - down) * ${halfColumns}u;
${statements}`,
  }
}
