/**
 * Algebraic simplification: the rules of all primitives in one walk. What they preserve and the few differences
 * that are accepted (signs of zeros, order of summation) are stated where the rules are.
 */
import type { PrimitiveName } from '../program/primitive.ts'
import type { Program } from '../program/program.ts'
import { algebraicRules } from './algebraicRules.ts'
import { concatenateRules } from './concatenateRules.ts'
import { dotRules } from './dotRules.ts'
import { movementRules } from './movementRules.ts'
import { reductionRules } from './reductionRules.ts'
import type { RewriteRules } from './rewriteProgram.ts'
import { rewriteProgram } from './rewriteProgram.ts'

/** The tables as one; rules of earlier tables are tried first. */
export function mergeRules(tables: readonly RewriteRules[]): RewriteRules {
  const names = new Set(tables.flatMap((table) => Object.keys(table) as Exclude<PrimitiveName, 'call'>[]))
  return Object.fromEntries(
    [...names].map((name) => [name, tables.flatMap((table) => [...(table[name] ?? [])])]),
  )
}

const rules = mergeRules([algebraicRules, movementRules, reductionRules, dotRules, concatenateRules])

/** The simplified program; the same object if no rule applied. */
export const simplify = (program: Program): Program => rewriteProgram(program, rules)
