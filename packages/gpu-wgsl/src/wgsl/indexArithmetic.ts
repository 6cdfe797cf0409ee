/**
 * Indices in WGSL: from a linear number to the index of a domain, and from an index to the element that a view visits,
 *   element = offset + Σ_a strides[a] · index[a],
 * with extents, strides and offsets as literals, so that drivers turn divisions into multiplications. All arithmetic is
 * in u32 and wraps, which makes negative strides come out right without signed types.
 */
import type { ScalarNode, Shape, View } from '@hessian-free/tensor'
import type { Lanes } from './kernelBindings.ts'

/** An index of a domain: WGSL expressions (u32) of each axis's coordinate; '0u' where it is known to be zero. */
export type IndexNames = readonly string[]

export interface IndexDecomposition {
  /** `let` statements, one per line; none for domains of at most one axis longer than 1. */
  readonly statements: string
  readonly names: IndexNames
}

/**
 * The index of row-major element number `linear` (the name of a u32 that lies below the domain's size).
 * @param prefix of the names it defines: prefix0, prefix1, …; and of remainders: prefix0r, …
 */
export function decomposeIndex(linear: string, domain: Shape, prefix = 'i'): IndexDecomposition {
  const names = domain.map(() => '0u')
  const axes = domain.flatMap((extent, axis) => (extent === 1 ? [] : [axis]))
  let statements = ''
  let rest = linear
  for (const axis of axes.slice(1).reverse()) {
    const quotient = `${prefix}${axis}r`
    names[axis] = `${prefix}${axis}`
    statements += `let ${quotient} = ${rest} / ${domain[axis]}u;\n`
    statements += `let ${names[axis]} = ${rest} - ${quotient} * ${domain[axis]}u;\n`
    rest = quotient
  }
  if (axes.length > 0) names[axes[0]] = rest
  return { statements, names }
}

/** The element that the view visits at the index, as a sum of u32 terms (parenthesise it inside a product). */
export function elementIndex({ offset, strides }: View, names: IndexNames): string {
  let sum = offset === 0 ? '' : `${offset}u`
  strides.forEach((stride, axis) => {
    if (stride === 0 || names[axis] === '0u') return
    const size = Math.abs(stride)
    const term = size === 1 ? names[axis] : `${names[axis]} * ${size}u`
    if (stride > 0) sum = sum === '' ? term : `${sum} + ${term}`
    else sum = `${sum === '' ? '0u' : sum} - ${term}`
  })
  return sum === '' ? '0u' : sum
}

/** Adds two sums as `elementIndex` makes them. */
export const addIndices = (a: string, b: string): string => (a === '0u' ? b : b === '0u' ? a : `${a} + ${b}`)

type IndexNode = Extract<ScalarNode, { readonly kind: 'index' }>

/**
 * The value of an index node whose element number is `element` (a u32 expression), in the node's dtype; with four lanes
 * the numbers element, element + step, element + 2·step, ….
 */
export function indexValue({ dtype }: IndexNode, element: string, lanes: Lanes = 1, step = 0): string {
  const signed = `i32(${element})`
  const number =
    lanes === 1
      ? signed
      : step === 0
        ? `vec4<i32>(${signed})`
        : `(vec4<i32>(${signed}) + vec4<i32>(0, ${step}, ${2 * step}, ${3 * step}))`
  const typed = (scalar: string): string => (lanes === 1 ? scalar : `vec4<${scalar}>`)
  switch (dtype) {
    case 'int32':
      return number
    case 'uint32':
      return `${typed('u32')}(${number})`
    case 'bool':
      return `(${number} != ${typed('i32')}(0))`
    case 'float32':
    case 'float64':
      return `${typed('f32')}(${number})`
  }
}
