/**
 * The passes in order: calls inlined first (their rules belong to differentiation, which is over), then common
 * subexpressions and algebra until nothing changes, then dead code. The bound on rounds is a heuristic; every
 * round is linear in the number of equations.
 */
import type { Program } from '../program/program.ts'
import { eliminateCommonSubexpressions } from './eliminateCommonSubexpressions.ts'
import { eliminateDeadCode } from './eliminateDeadCode.ts'
import { inlineCalls } from './inlineCalls.ts'
import { simplify } from './simplify.ts'

const maximumRounds = 8

/** The same function, cheaper. */
export function optimise(program: Program): Program {
  let current = eliminateDeadCode(inlineCalls(program))
  for (let round = 0; round < maximumRounds; round++) {
    const next = eliminateDeadCode(simplify(eliminateCommonSubexpressions(current)))
    if (
      next.equations.length === current.equations.length &&
      next.equations.every((e, i) => e.primitive === current.equations[i].primitive)
    )
      return next
    current = next
  }
  return current
}
