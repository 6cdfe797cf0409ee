/**
 * How a thread reads its part of one operand in products without workgroup memory: the outer elements (rows of the left
 * operand, columns of the right one) that it owns, at every step of the depth, by vectors of four where the operand has
 * them. Past the edge the last outer element is read again; the output function drops what comes of it.
 *
 * With a partner the thread loads only its own half of the items and gets the other half from the neighbouring lane of
 * its quad, which owns it: item n + i of one is item i of the other.
 */
import type { ProductFrame } from './productFrame.ts'
import type { ProductOperand } from './productOperand.ts'
import { affine, depthQuadBase, elementBase, outerQuadBase, u32Literal } from './productOperand.ts'

const components = ['x', 'y', 'z', 'w'] as const
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** Loads of one operand, written as names: where a thread's outer elements start, and values at a step of the depth. */
export interface OperandReader {
  /** Statements before the loop. */
  readonly setup: string
  /** Statements that make the values of steps k … k + steps − 1 available. */
  load(steps: number): string
  /** Statements just before step `step` of those. */
  loadStep(step: number): string
  /** The value of outer element `item` at that step. */
  scalar(item: number, step: number): string
}

/** A built-in that exchanges values between the lanes of a quad that hold each other's halves. */
export type QuadSwap = 'quadSwapX' | 'quadSwapY'

/**
 * @param outers WGSL of the outer index of every item that the thread loads; neighbours in groups of four where vectors
 * run that way.
 * @param swap how the partner's items are got; they follow the thread's own.
 */
export function operandReader(
  operand: ProductOperand,
  name: string,
  outers: readonly string[],
  { bindings }: Pick<ProductFrame, 'bindings'>,
  swap?: QuadSwap,
): OperandReader {
  const { buffer, depthStride, outerExtent, quads } = operand
  const at = (step: number): string => (step === 0 ? 'k' : `(k + ${step}u)`)
  const clamped = (outer: string): string => `min(${outer}, ${outerExtent - 1}u)`
  /** Defines a value by its number among those like it, of which the thread loads `own`, and the partner's. */
  const define = (nameOf: (item: number) => string, item: number, own: number, value: string): string => {
    const loaded = `let ${nameOf(item)} = ${value};\n`
    return swap === undefined ? loaded : `${loaded}let ${nameOf(item + own)} = ${swap}(${nameOf(item)});\n`
  }
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
          .map((g) =>
            define(
              (group) => `${name}${group}`,
              g,
              groups.length,
              bindings.loadVector(buffer, `${name}p${g} + ${at(step)} * ${stride}`),
            ),
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
              const vector = bindings.loadVector(buffer, `${name}p${i} + ${quad}`)
              return define((item) => `${name}${item}q${q}`, i, outers.length, vector)
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
        .map((_, i) =>
          define(
            (item) => `${name}${item}`,
            i,
            outers.length,
            bindings.load(buffer, `${name}p${i} + ${affine(0, [[depthStride, at(step)]])}`),
          ),
        )
        .join(''),
    scalar: (item) => `${name}${item}`,
  }
}
