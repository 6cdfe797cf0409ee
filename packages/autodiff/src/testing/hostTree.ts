/**
 * Trees of host arrays: what random points are made of before they become tensors. Plain data can be generated,
 * shrunk and printed, and be put on several backends in several precisions; a check does all of that.
 */
import type { Backend, HostArray, Tensor } from '@hessian-free/tensor'
import { flattenTree, isFloat, jit, mapTree, readTensors, tensor, typedArrayFrom } from '@hessian-free/tensor'

/** The tree `T` with a host array for every tensor. */
export type HostTree<T> = T extends Tensor ? HostArray : { readonly [K in keyof T]: HostTree<T[K]> }

const isHostArray = (node: unknown): node is HostArray =>
  typeof node === 'object' && node !== null && 'data' in node && ArrayBuffer.isView(node.data)

/** A float64 host array. */
export const hostFloats = (values: ArrayLike<number>, shape: readonly number[]): HostArray => ({
  dtype: 'float64',
  shape,
  data: typedArrayFrom('float64', values),
})

/** The tree on a backend: floats in float64, or in float32 where the backend has nothing wider. */
export function uploadTree<T>(tree: HostTree<T>, backend: Backend): T {
  const dtype = backend.supports('float64') ? 'float64' : 'float32'
  const upload = (node: unknown): unknown => {
    if (isHostArray(node)) return tensor(node, { backend, dtype: isFloat(node.dtype) ? dtype : node.dtype })
    if (Array.isArray(node)) return node.map(upload)
    return Object.fromEntries(Object.entries(node as object).map(([key, child]) => [key, upload(child)]))
  }
  return upload(tree) as T
}

/** All elements of a tree on a backend that can be read without waiting, leaf after leaf. */
export const elementsOf = (tree: unknown): number[] =>
  flattenTree(tree, 'elementsOf').leaves.flatMap((leaf) => [...leaf.readSync()])

/** The number of them. */
export const sizeOfTree = (tree: unknown): number =>
  flattenTree(tree, 'sizeOfTree').leaves.reduce((sum, { size }) => sum + size, 0)

/** The same of several trees on any backend, in one wait; their tensors may be freed right after the call. */
export async function readElements<K extends string>(
  trees: Readonly<Record<K, unknown>>,
): Promise<Record<K, number[]>> {
  const leaves = Object.entries(trees).map(([name, tree]) => ({
    name,
    tensors: flattenTree(tree, 'readElements').leaves,
  }))
  const contents = (await readTensors(leaves.flatMap(({ tensors }) => tensors))).values()
  return Object.fromEntries(
    leaves.map(({ name, tensors }) => [name, tensors.flatMap(() => [...(contents.next().value ?? [])])]),
  ) as Record<K, number[]>
}

/** The tree of the form and types of `like` with these elements. */
export function treeWith<T>(like: T, elements: readonly number[]): T {
  let next = 0
  return mapTree(like, ({ shape, size, dtype, backend }) => {
    const values = elements.slice(next, (next += size))
    return tensor(typedArrayFrom(dtype, values), { shape, dtype, backend })
  })
}

/** A function of a tree as one of its elements, compiled once: for differences, which call it often. */
export function onElements<T>(
  f: (tree: T) => unknown,
  like: T,
): (elements: readonly number[]) => readonly number[] {
  const compiled = jit((tree: T) => f(tree), { name: 'onElements' })
  return (elements) => elementsOf(compiled(treeWith(like, elements)))
}
