/**
 * Moves one tile of an operand from global into workgroup memory, for the tiled product. The tile is stored depth-major,
 *   tile[step · stride + outer / 4] = elements outer … outer + 3 (outer a multiple of 4) at that step,
 * so that the inner loop reads rows and columns alike as vectors. Work comes in units that a thread fetches into
 * registers and then commits: a quad of outer elements at one step, or, where vectors run along the depth, four such
 * quads at four steps, transposed in registers.
 *
 * The last tile of a depth that is no multiple of the tile's is fetched with zeros past the end, in both operands, so
 * that no infinity meets a zero. Past the edge of the outer axis the last element is read again.
 */
import type { KernelBindings } from '../wgsl/kernelBindings.ts'
import type { ProductOperand } from './productOperand.ts'
import { affine, depthQuadBase, elementBase, outerQuadBase, u32Literal } from './productOperand.ts'

const components = ['x', 'y', 'z', 'w'] as const
const quad = [0, 1, 2, 3] as const
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

export interface TileLoader {
  /** Workgroup memory of one tile, in vectors of four. */
  readonly vectors: number
  /** Vectors from one step to the next. */
  readonly stride: number
  /** Statements before the loop: what each unit of this thread is, and registers. */
  readonly setup: string
  /** Statements that fetch the tile that starts at step `k`; `guarded` where it may reach past `end`. */
  fetch(k: string, guarded: boolean): string
  /** Statements that store what was fetched, from vector number `first` of the tile's array on. */
  commit(first: string): string
}

export interface TileShape {
  /** Prefix of names, and with `Tile` appended the name of the workgroup array. */
  readonly name: string
  /** WGSL of the first outer element of the tile. */
  readonly origin: string
  readonly outer: number
  readonly depth: number
  readonly threads: number
}

export function tileLoader(operand: ProductOperand, shape: TileShape, bindings: KernelBindings): TileLoader {
  const { buffer, depthStride, outerStride, outerExtent, quads } = operand
  const { name, origin, outer, depth, threads } = shape
  const outerQuads = outer / 4
  // Elements of unit stride belong to neighbouring threads.
  const alongDepth = quads === 'depth' || (quads === 'none' && (depthStride === 1 || outerStride === 0))
  const depthUnits = quads === 'depth' ? depth / 4 : depth
  const units = outerQuads * depthUnits
  const slots = range(Math.ceil(units / threads))
  // Threads that store along the depth shall meet different banks.
  const stride = alongDepth ? outerQuads + 1 : outerQuads
  const clampedOuter = (u: number, i: number): string =>
    `min(${origin} + ${name}q${u} * 4u + ${i}u, ${outerExtent - 1}u)`

  const unitSetup = (u: number): string => {
    const index = u === 0 ? 'thread' : `(thread + ${u * threads}u)`
    const [outerPart, depthPart] = alongDepth
      ? [`${index} / ${depthUnits}u`, `${index} % ${depthUnits}u`]
      : [`${index} % ${outerQuads}u`, `${index} / ${outerQuads}u`]
    const start = `let ${name}q${u} = ${outerPart};\nlet ${name}d${u} = ${depthPart}${quads === 'depth' ? ' * 4u' : ''};\n`
    if (quads === 'outer') {
      const clampedQuad = `min((${origin}) / 4u + ${name}q${u}, ${outerExtent / 4 - 1}u)`
      return `${start}let ${name}p${u} = ${outerQuadBase(operand, 'batch', clampedQuad)};\nvar ${name}r${u}_0: vec4<f32>;\n`
    }
    const base = quads === 'depth' ? depthQuadBase : elementBase
    const registers = quads === 'depth' ? quad : [0]
    return `${start}${quad.map((i) => `let ${name}p${u}_${i} = ${base(operand, 'batch', clampedOuter(u, i))};\n`).join('')}${registers
      .map((i) => `var ${name}r${u}_${i}: vec4<f32>;\n`)
      .join('')}`
  }
  /** Units past the last are dropped. */
  const within = (u: number, statements: string): string =>
    (u + 1) * threads <= units ? statements : `if (thread + ${u * threads}u < ${units}u) {\n${statements}}\n`

  const fetchUnit = (u: number, k: string, guarded: boolean): string => {
    const step = `${k} + ${name}d${u}`
    const plain =
      quads === 'outer'
        ? `${name}r${u}_0 = ${bindings.loadVector(buffer, `${name}p${u} + (${step}) * ${u32Literal(depthStride / 4)}`)};\n`
        : quads === 'depth'
          ? quad
              .map(
                (i) =>
                  `${name}r${u}_${i} = ${bindings.loadVector(buffer, `${name}p${u}_${i} + (${step}) / 4u`)};\n`,
              )
              .join('')
          : `${name}r${u}_0 = vec4<f32>(${quad
              .map((i) =>
                bindings.load(buffer, `${name}p${u}_${i} + ${affine(0, [[depthStride, `(${step})`]])}`),
              )
              .join(', ')});\n`
    if (!guarded) return plain
    const zeros = (quads === 'depth' ? [...quad] : [0])
      .map((i) => `${name}r${u}_${i} = vec4<f32>(0.0);\n`)
      .join('')
    return `if (${step} < end) {\n${plain}} else {\n${zeros}}\n`
  }
  const commitUnit = (u: number, first: string): string => {
    const place = (step: number): string =>
      `${name}Tile[${first} + (${name}d${u} + ${step}u) * ${stride}u + ${name}q${u}]`
    if (quads !== 'depth') return `${place(0)} = ${name}r${u}_0;\n`
    return quad
      .map((step) => {
        const transposed = quad.map((i) => `${name}r${u}_${i}.${components[step]}`).join(', ')
        return `${place(step)} = vec4<f32>(${transposed});\n`
      })
      .join('')
  }
  return {
    vectors: depth * stride,
    stride,
    setup: slots.map(unitSetup).join(''),
    fetch: (k, guarded) => slots.map((u) => within(u, fetchUnit(u, k, guarded))).join(''),
    commit: (first) => slots.map((u) => within(u, commitUnit(u, first))).join(''),
  }
}
