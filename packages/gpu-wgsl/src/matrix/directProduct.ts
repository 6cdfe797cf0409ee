/**
 * Products without workgroup memory: each thread keeps threadRows × threadColumns sums in registers and reads its rows
 * of the left operand and columns of the right one itself, one multiply-add per pair and step of the depth,
 *   sum[i, j] = fma(left[i, k], right[k, j], sum[i, j]).
 *
 * Sums lie in vectors of four neighbouring columns where a thread has a multiple of four, else in scalars. A thread's
 * quads of columns are `groupColumns` apart, so that neighbouring threads read neighbouring quads. Past the edges of the
 * output a thread reads the last row or column again; the output function drops what it computes.
 */
import type { DirectVariant } from './matrixVariant.ts'
import type { ProductBody, ProductFrame } from './productFrame.ts'
import { emitFinish } from './productOutput.ts'
import type { ProductOperand } from './productOperand.ts'
import { affine, depthQuadBase, elementBase, outerQuadBase, u32Literal } from './productOperand.ts'

const components = ['x', 'y', 'z', 'w'] as const
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** Loads of one operand, written as names: where a thread's outer elements start, and values at a step of the depth. */
interface OperandReader {
  /** Statements before the loop. */
  readonly setup: string
  /** Statements that make the values of steps k … k + steps − 1 available. */
  load(steps: number): string
  /** Statements just before step `step` of those. */
  loadStep(step: number): string
  /** The value of outer element `item` at that step. */
  scalar(item: number, step: number): string
}

/**
 * @param outers WGSL of the outer index of every item of a thread; neighbours in groups of four where vectors run that way.
 */
function operandReader(
  operand: ProductOperand,
  name: string,
  outers: readonly string[],
  { bindings }: ProductFrame,
): OperandReader {
  const { buffer, depthStride, outerExtent, quads } = operand
  const at = (step: number): string => (step === 0 ? 'k' : `(k + ${step}u)`)
  const clamped = (outer: string): string => `min(${outer}, ${outerExtent - 1}u)`
  if (quads === 'outer') {
    const groups = range(outers.length / 4)
    const stride = u32Literal(depthStride / 4)
    return {
      setup: groups
        .map((g) => {
          const quad = `min((${outers[4 * g]}) / 4u, ${outerExtent / 4 - 1}u)`
          return `let ${name}p${g} = ${outerQuadBase(operand, 'batch', quad)};\n`
        })
        .join(''),
      load: () => '',
      loadStep: (step) =>
        groups
          .map(
            (g) =>
              `let ${name}${g} = ${bindings.loadVector(buffer, `${name}p${g} + ${at(step)} * ${stride}`)};\n`,
          )
          .join(''),
      scalar: (item) => `${name}${item >> 2}.${components[item & 3]}`,
    }
  }
  const base = quads === 'depth' ? depthQuadBase : elementBase
  const setup = outers
    .map((outer, i) => `let ${name}p${i} = ${base(operand, 'batch', clamped(outer))};\n`)
    .join('')
  if (quads === 'depth') {
    return {
      setup,
      load: (steps) =>
        range(steps / 4)
          .flatMap((q) =>
            outers.map((_, i) => {
              const quad = q === 0 ? 'k / 4u' : `k / 4u + ${q}u`
              return `let ${name}${i}q${q} = ${bindings.loadVector(buffer, `${name}p${i} + ${quad}`)};\n`
            }),
          )
          .join(''),
      loadStep: () => '',
      scalar: (item, step) => `${name}${item}q${step >> 2}.${components[step & 3]}`,
    }
  }
  return {
    setup,
    load: () => '',
    loadStep: (step) =>
      outers
        .map(
          (_, i) =>
            `let ${name}${i} = ${bindings.load(buffer, `${name}p${i} + ${affine(0, [[depthStride, at(step)]])}`)};\n`,
        )
        .join(''),
    scalar: (item) => `${name}${item}`,
  }
}

/** The loop and the output of a direct product. */
export function directBody(variant: DirectVariant, frame: ProductFrame): ProductBody {
  const { threadRows, threadColumns, groupRows, groupColumns, unroll } = variant
  const width = threadColumns % 4 === 0 ? 4 : 1
  const rows = range(threadRows)
  const groups = range(threadColumns / width)
  const rowOf = (i: number): string => `row + ${i}u`
  const columnOf = (g: number): string => `column + ${g * width * groupColumns}u`
  const columns = groups.flatMap((g) =>
    range(width).map((lane) => `column + ${g * width * groupColumns + lane}u`),
  )
  const left = operandReader(frame.left, 'l', rows.map(rowOf), frame)
  const right = operandReader(frame.right, 'r', columns, frame)
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
    `{\n${left.loadStep(step)}${right.loadStep(step)}${groups
      .map(
        (g) =>
          `let v${g} = ${rightVector(g, step)};\n${rows
            .map((i) => `c${i}_${g} = fma(${leftScalar(i, step)}, v${g}, c${i}_${g});\n`)
            .join('')}`,
      )
      .join('')}}\n`
  const turn = (steps: number): string =>
    `${left.load(steps)}${right.load(steps)}${range(steps).map(multiply).join('')}`

  const whole = frame.depthMultiple % unroll === 0
  const byQuads = frame.left.quads === 'depth' || frame.right.quads === 'depth'
  const rest = byQuads ? 4 : 1
  return {
    declarations: '',
    statements: `let row = (tileRow * ${groupRows}u + thread / ${groupColumns}u) * ${threadRows}u;
let column = tileColumn * ${threadColumns * groupColumns}u + thread % ${groupColumns}u * ${width}u;
${left.setup}${right.setup}${rows.map((i) => groups.map((g) => `var c${i}_${g} = ${type}(0.0);\n`).join('')).join('')}
var k = start;
for (; k + ${unroll}u <= end; k += ${unroll}u) {
${turn(unroll)}}
${whole ? '' : `for (; k < end; k += ${rest}u) {\n${turn(rest)}}\n`}${emitFinish(
      frame,
      rows.flatMap((i) =>
        groups.map((g) => ({ row: rowOf(i), column: columnOf(g), value: `c${i}_${g}`, width })),
      ),
    )}`,
  }
}
