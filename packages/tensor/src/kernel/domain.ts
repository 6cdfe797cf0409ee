/**
 * Canonical iteration domains. Axes of extent 1 are dropped, the others are ordered so that the views named as
 * guides step through memory with falling strides (the first guide decides, later ones break ties), and
 * neighbours that every view steps through as one are merged. So a kernel over dense arrays has one axis
 * whatever the rank of the tensors was, and the last axis is contiguous for the first guide where any axis is.
 * The empty domain [] is a single point.
 */
import type { Shape } from '../shape.ts'

export interface CanonicalDomain {
  readonly domain: Shape
  /** Carries strides over the original domain to the canonical one; they must be among those given. */
  readonly move: (strides: readonly number[]) => number[]
}

/** @param views strides over `domain` of everything the kernel reads and writes; `guides` is part of them. */
export function canonicalDomain(
  domain: Shape,
  views: readonly (readonly number[])[],
  guides: readonly (readonly number[])[],
): CanonicalDomain {
  const axes = domain.flatMap((extent, axis) => (extent === 1 ? [] : [axis]))
  axes.sort((a, b) => {
    for (const guide of guides) if (guide[a] !== guide[b]) return guide[b] - guide[a]
    return a - b
  })
  const runs: number[][] = []
  for (const axis of axes) {
    const run = runs.at(-1)
    const previous = run?.at(-1)
    const merges =
      previous !== undefined && views.every((strides) => strides[previous] === strides[axis] * domain[axis])
    if (run !== undefined && merges) run.push(axis)
    else runs.push([axis])
  }
  return {
    domain: runs.map((run) => run.reduce((product, axis) => product * domain[axis], 1)),
    move: (strides) => runs.map((run) => strides[run[run.length - 1]]),
  }
}
