/**
 * Products by tiles in workgroup memory and in registers: per tile of the depth a workgroup brings tileRows and
 * tileColumns lines of the operands into workgroup memory, and each thread multiplies threadRows × threadColumns of
 * them, both read as vectors of four (see `tileLoader.ts`).
 *
 * A thread's rows lie in groups of four, its columns in quads, each `threads along that axis` groups apart, so that
 * neighbouring threads read neighbouring vectors (no bank conflicts) and store neighbouring quads. Sums are variables
 * with names, not arrays, and the loop over the steps of a tile is unrolled in the text: compilers keep them in registers.
 */
import type { TiledVariant } from './matrixVariant.ts'
import type { ProductBody, ProductFrame } from './productFrame.ts'
import { emitFinish } from './productOutput.ts'
import { tileLoader } from './tileLoader.ts'

const components = ['x', 'y', 'z', 'w'] as const
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** The loop over tiles and the output of a tiled product. */
export function tiledBody(variant: TiledVariant, frame: ProductFrame): ProductBody {
  const { tileRows, tileColumns, tileDepth, threadRows, threadColumns, doubleBuffered } = variant
  const across = tileColumns / threadColumns
  const down = tileRows / threadRows
  const threads = across * down
  const { left, right, bindings } = frame
  const a = tileLoader(
    left,
    { name: 'l', origin: `tileRow * ${tileRows}u`, outer: tileRows, depth: tileDepth, threads },
    bindings,
  )
  const b = tileLoader(
    right,
    { name: 'r', origin: `tileColumn * ${tileColumns}u`, outer: tileColumns, depth: tileDepth, threads },
    bindings,
  )
  const rowGroups = range(threadRows / 4)
  const columnGroups = range(threadColumns / 4)
  const rows = range(threadRows)
  const buffers = doubleBuffered ? 2 : 1

  const multiply = (first: (vectors: number) => string): string =>
    range(tileDepth)
      .map((step) => {
        const rowLoads = rowGroups
          .map(
            (g) => `let l${g} = lTile[${first(a.vectors)} + ${step * a.stride + g * down}u + threadRow];\n`,
          )
          .join('')
        const columnLoads = columnGroups
          .map(
            (g) =>
              `let r${g} = rTile[${first(b.vectors)} + ${step * b.stride + g * across}u + threadColumn];\n`,
          )
          .join('')
        const products = rows
          .flatMap((i) =>
            columnGroups.map(
              (g) => `c${i}_${g} = fma(vec4<f32>(l${i >> 2}.${components[i & 3]}), r${g}, c${i}_${g});\n`,
            ),
          )
          .join('')
        return `{\n${rowLoads}${columnLoads}${products}}\n`
      })
      .join('')
  const whole = frame.depthMultiple % tileDepth === 0
  const fetch = (k: string): string => {
    const plain = `${a.fetch(k, false)}${b.fetch(k, false)}`
    if (whole) return plain
    return `if (${k} + ${tileDepth}u <= end) {\n${plain}} else {\n${a.fetch(k, true)}${b.fetch(k, true)}}\n`
  }
  const loop = doubleBuffered
    ? `${fetch('start')}${a.commit('0u')}${b.commit('0u')}workgroupBarrier();
var present = 0u;
for (var k = start; k < end; k += ${tileDepth}u) {
let next = k + ${tileDepth}u;
if (next < end) {
${fetch('next')}}
${multiply((vectors) => `present * ${vectors}u`)}if (next < end) {
${a.commit(`(1u - present) * ${a.vectors}u`)}${b.commit(`(1u - present) * ${b.vectors}u`)}}
workgroupBarrier();
present = 1u - present;
}
`
    : `for (var k = start; k < end; k += ${tileDepth}u) {
${fetch('k')}${a.commit('0u')}${b.commit('0u')}workgroupBarrier();
${multiply(() => '0u')}workgroupBarrier();
}
`
  return {
    declarations: `var<workgroup> lTile: array<vec4<f32>, ${buffers * a.vectors}>;
var<workgroup> rTile: array<vec4<f32>, ${buffers * b.vectors}>;
`,
    statements: `let threadRow = thread / ${across}u;
let threadColumn = thread % ${across}u;
${a.setup}${b.setup}${rows.map((i) => columnGroups.map((g) => `var c${i}_${g} = vec4<f32>(0.0);\n`).join('')).join('')}${loop}${emitFinish(
      frame,
      rows.flatMap((i) =>
        columnGroups.map((g) => ({
          row: `tileRow * ${tileRows}u + (threadRow + ${(i >> 2) * down}u) * 4u + ${i & 3}u`,
          column: `tileColumn * ${tileColumns}u + (threadColumn + ${g * across}u) * 4u`,
          value: `c${i}_${g}`,
          width: 4 as const,
        })),
      ),
    )}`,
  }
}
