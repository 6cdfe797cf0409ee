/**
 * Trees: nested arrays and records whose leaves are tensors. Parameters, batches and results are trees, so a
 * model needs no base class and no registration. Flattening is by position for arrays and by insertion order
 * of the keys for records.
 */
import { ArgumentError } from './errors.ts'
import { Tensor } from './tensor.ts'

/** The form of a tree without its leaves; `T` is the type of the whole. */
export interface TreeStructure<T> {
  readonly node: TreeNode
  /** Equal for equal forms: used as a cache key. */
  readonly key: string
  readonly leafCount: number
  /** Phantom: remembers the type that `unflattenTree` gives back. */
  readonly type?: T
}

type TreeNode =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'list'; readonly children: readonly TreeNode[] }
  | { readonly kind: 'record'; readonly keys: readonly string[]; readonly children: readonly TreeNode[] }

const leaf: TreeNode = { kind: 'leaf' }

function structureOf(operation: string, tree: unknown, path: string, leaves: Tensor[]): TreeNode {
  if (tree instanceof Tensor) {
    leaves.push(tree)
    return leaf
  }
  if (Array.isArray(tree)) {
    return {
      kind: 'list',
      children: tree.map((child, i) => structureOf(operation, child, `${path}[${i}]`, leaves)),
    }
  }
  if (typeof tree === 'object' && tree !== null) {
    const keys = Object.keys(tree)
    const children = keys.map((key) =>
      structureOf(operation, (tree as Record<string, unknown>)[key], `${path}.${key}`, leaves),
    )
    return { kind: 'record', keys, children }
  }
  throw new ArgumentError({
    operation,
    rule: 'every leaf of a tree must be a Tensor',
    found: `${typeof tree} at ${path}`,
    remedy: 'Wrap numbers with tensor(…), or close over them',
  })
}

function keyOf(node: TreeNode): string {
  if (node.kind === 'leaf') return '*'
  const children = node.children.map(keyOf)
  if (node.kind === 'list') return `[${children.join(',')}]`
  return `{${node.keys.map((key, i) => `${JSON.stringify(key)}:${children[i]}`).join(',')}}`
}

/** Leaves in order, and the form to put them back. @throws {ArgumentError} at a leaf that is no tensor. */
export function flattenTree<T>(
  tree: T,
  operation = 'flattenTree',
): { leaves: Tensor[]; structure: TreeStructure<T> } {
  const leaves: Tensor[] = []
  const node = structureOf(operation, tree, 'tree', leaves)
  return { leaves, structure: { node, key: keyOf(node), leafCount: leaves.length } }
}

/** The inverse of `flattenTree`. @throws {ArgumentError} if the number of leaves differs. */
export function unflattenTree<T>(structure: TreeStructure<T>, leaves: readonly Tensor[]): T {
  if (leaves.length !== structure.leafCount) {
    throw new ArgumentError({
      operation: 'unflattenTree',
      rule: `the tree has ${structure.leafCount} leaves`,
      found: String(leaves.length),
    })
  }
  let next = 0
  const build = (node: TreeNode): unknown => {
    if (node.kind === 'leaf') return leaves[next++]
    if (node.kind === 'list') return node.children.map(build)
    return Object.fromEntries(node.keys.map((key, i) => [key, build(node.children[i])]))
  }
  return build(structure.node) as T
}

/** A tree of the same form whose leaves are `f(leaf)`. */
export function mapTree<T>(tree: T, f: (leaf: Tensor, index: number) => Tensor): T {
  const { leaves, structure } = flattenTree(tree, 'mapTree')
  return unflattenTree(structure, leaves.map(f))
}

/** Every tensor inside an arbitrary value; anything else is passed over. */
export function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value]
  if (Array.isArray(value)) return value.flatMap(tensorsIn)
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.values(value).flatMap(tensorsIn)
  }
  return []
}

/** Disposes of every tensor in a tree. */
export const disposeTree = (tree: unknown): void => {
  for (const tensor of tensorsIn(tree)) tensor.dispose()
}
