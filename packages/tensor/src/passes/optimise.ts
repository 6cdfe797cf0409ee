/**
 * All passes in order, repeated until none changes the program: calls inlined once; then dead code (so that uses
 * are counted right), constants, algebra, and common subexpressions. Each round is linear in the length of the
 * program; few rounds are needed, and their number is bounded.
 */
import type { Program } from '../program/program.ts'
import { eliminateCommonSubexpressions } from './eliminateCommonSubexpressions.ts'
import { eliminateDeadCode } from './eliminateDeadCode.ts'
import { foldConstants } from './foldConstants.ts'
import { inlineCalls } from './inlineCalls.ts'
import { simplify } from './simplify.ts'

/** One function from program to program that preserves meaning; returns its argument if there is nothing to do. */
export type Pass = (program: Program) => Program

/** The passes of one round, by name, in order. */
export const passes = {
  eliminateDeadCode,
  foldConstants,
  simplify,
  eliminateCommonSubexpressions,
} as const satisfies Readonly<Record<string, Pass>>

/** A program that still changes after this many rounds is taken as it is: it is correct after each. */
const largestRoundCount = 8

/** The program as backends compile it: without calls, dead code and repetition. */
export function optimise(program: Program): Program {
  let current = inlineCalls(program)
  for (let round = 0; round < largestRoundCount; round++) {
    const before = current
    for (const pass of Object.values(passes)) current = pass(current)
    if (current === before) break
  }
  return eliminateDeadCode(current)
}
