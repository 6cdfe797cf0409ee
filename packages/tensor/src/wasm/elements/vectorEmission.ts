/**
 * Vector graphs → instructions. A node that is used once is emitted where it is used, so that it lives on the
 * operand stack; one that is used more often, and every root, goes into a local variable when it is first
 * computable. So all roots are known before the caller stores one of them over an operand.
 *
 * Constants are emitted at each use: the engine's optimising compiler moves them out of loops.
 */
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import type { VectorNode } from './vectorGraph.ts'

/** Puts input number `index` on the operand stack. */
export type EmitInput = (index: number) => void

/** Nodes that are computed already. */
export type KnownNodes = ReadonlyMap<VectorNode, Local>

const nothingKnown: KnownNodes = new Map()

const operandsOf = (node: VectorNode): readonly VectorNode[] => ('operands' in node ? node.operands : [])

const isConstant = (node: VectorNode): boolean => node.kind === 'bits' || node.kind === 'double'

/** Every node that the roots need beyond the known ones, in order of evaluation, with the number of its uses. */
function usesOf(roots: readonly VectorNode[], known: KnownNodes): Map<VectorNode, number> {
  const uses = new Map<VectorNode, number>()
  const visit = (node: VectorNode): void => {
    if (known.has(node)) return
    const seen = uses.get(node) ?? 0
    uses.set(node, seen + 1)
    if (seen === 0) operandsOf(node).forEach(visit)
  }
  roots.forEach(visit)
  return new Map([...uses].sort(([a], [b]) => a.id - b.id))
}

/** How many instructions the roots take: the measure by which loops are unrolled. */
export const instructionCount = (roots: readonly VectorNode[]): number =>
  [...usesOf(roots, nothingKnown).keys()].filter((node) => 'operands' in node).length

/** Emits what the roots need and returns a local variable with each. */
export function emitVectors(
  f: FunctionBuilder,
  roots: readonly VectorNode[],
  emitInput: EmitInput,
  known: KnownNodes = nothingKnown,
): Local[] {
  const uses = usesOf(roots, known)
  const locals = new Map(known)
  const push = (node: VectorNode): void => {
    const local = locals.get(node)
    if (local !== undefined) f.localGet(local)
    else compute(node)
  }
  const compute = (node: VectorNode): void => {
    operandsOf(node).forEach(push)
    switch (node.kind) {
      case 'input':
        emitInput(node.index)
        return
      case 'bits':
        f.i32x4Const(node.value)
        return
      case 'double':
        f.f64x2Const(node.value)
        return
      case 'instruction':
        f[node.instruction]()
        return
      case 'shift':
        f.i32Const(node.bits)[node.instruction]()
        return
      case 'shuffle':
        f.i32x4Shuffle(node.lanes)
    }
  }
  const wanted = new Set(roots)
  for (const [node, count] of uses) {
    const kept = wanted.has(node) || (count > 1 && !isConstant(node))
    if (!kept) continue
    const local = f.local('v128')
    compute(node)
    f.localSet(local)
    locals.set(node, local)
  }
  return roots.map((root) => locals.get(root) as Local)
}

/**
 * Emits, in front of a loop, the largest parts of the graph that do not depend on inputs that vary in it.
 * Returns them for `emitVectors` inside the loop.
 */
export function emitInvariants(
  f: FunctionBuilder,
  roots: readonly VectorNode[],
  varies: (input: number) => boolean,
  emitInput: EmitInput,
): KnownNodes {
  const varying = new Map<VectorNode, boolean>()
  const isVarying = (node: VectorNode): boolean => {
    const decided = varying.get(node)
    if (decided !== undefined) return decided
    const result = node.kind === 'input' ? varies(node.index) : operandsOf(node).some(isVarying)
    varying.set(node, result)
    return result
  }
  const frontier = new Set<VectorNode>()
  const seen = new Set<VectorNode>()
  const visit = (node: VectorNode): void => {
    if (seen.has(node) || isConstant(node)) return
    seen.add(node)
    if (isVarying(node)) operandsOf(node).forEach(visit)
    else frontier.add(node)
  }
  roots.forEach(visit)
  const invariants = [...frontier]
  const locals = emitVectors(f, invariants, emitInput)
  return new Map(invariants.map((node, i) => [node, locals[i]]))
}
