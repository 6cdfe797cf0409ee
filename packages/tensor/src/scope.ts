/**
 * Scopes free what they do not return: every concrete tensor made inside is disposed of at the end, except
 * those in the returned tree. Scopes nest; what an inner scope returns belongs to the outer one.
 *
 * A scope is synchronous: after an `await` the stack says nothing about who is running. Asynchronous code
 * disposes explicitly or with `using`.
 */
import { ArgumentError } from './errors.ts'
import type { Tensor } from './tensor.ts'
import { tensorsIn } from './tree.ts'

const scopes: Set<Tensor>[] = []

/** Called by the tensor constructor: the innermost scope owns new concrete tensors. */
export const adoptIntoScope = (tensor: Tensor): void => {
  scopes.at(-1)?.add(tensor)
}

/**
 * Runs `body` and disposes of every tensor it made but did not return.
 * @param body a synchronous function; may return any tree of tensors, or nothing.
 * @throws {ArgumentError} if it returns a promise.
 */
export function scope<T>(body: () => T): T {
  const owned = new Set<Tensor>()
  scopes.push(owned)
  let kept: readonly Tensor[] = []
  try {
    const result = body()
    if (result instanceof Promise) {
      throw new ArgumentError({
        operation: 'scope',
        rule: 'the body must be synchronous',
        found: 'a promise',
        remedy: 'Dispose explicitly or with `using` across awaits',
      })
    }
    kept = tensorsIn(result)
    return result
  } finally {
    scopes.pop()
    for (const tensor of kept) {
      if (owned.delete(tensor)) adoptIntoScope(tensor)
    }
    for (const tensor of owned) tensor.dispose()
  }
}
