/**
 * Functions compiled once per signature. The first call with new argument types traces the function into one
 * program and compiles it; later calls replay it. Tensors the function closes over are captured at the first
 * call and passed again at every replay, so they must stay alive.
 */
import type { Backend, Executable } from './backend.ts'
import { backendOf, runExecutable } from './execution.ts'
import type { Program } from './program/program.ts'
import { formatType } from './program/program.ts'
import type { Tensor } from './tensor.ts'
import { currentTrace, traceProgram } from './trace.ts'
import type { TreeStructure } from './tree.ts'
import { flattenTree, unflattenTree } from './tree.ts'

/** A function of trees recorded as a program: inputs are the flattened arguments, then the captures. */
export interface TracedFunction<R> {
  readonly program: Program
  readonly captures: readonly Tensor[]
  readonly structure: TreeStructure<R>
}

/**
 * Traces `f` for arguments of the types of `args`; nothing is computed.
 * @throws whatever `f` throws.
 */
export function traceFunction<Args extends readonly unknown[], R>(
  f: (...args: Args) => R,
  args: Args,
  name: string = f.name,
): TracedFunction<R> {
  const { leaves, structure } = flattenTree(args, name)
  const results: TreeStructure<R>[] = []
  const { program, captures } = traceProgram(name === '' ? 'anonymous' : name, leaves, (inputs) => {
    const flat = flattenTree(f(...unflattenTree(structure, inputs)), `result of ${name}`)
    results.push(flat.structure)
    return flat.leaves
  })
  return { program, captures, structure: results[0] }
}

export interface JitOptions {
  /** For messages and kernel names; default the function's own name. */
  readonly name?: string
  /**
   * Positions of arguments whose tensors are consumed: their memory may be reused for the results, and the
   * tensors may not be used afterwards.
   */
  readonly donate?: readonly number[]
  /** Where to run when no argument is a tensor; default that of the arguments. */
  readonly backend?: Backend
}

/** A compiled function; `dispose` frees its executables, after which a call compiles again. */
export interface CompiledFunction<Args extends readonly unknown[], R> {
  (...args: Args): R
  /** The executable that these arguments would run, compiling it if need be: for summaries and tests. */
  executableFor(...args: Args): Executable
  dispose(): void
}

interface CacheEntry<R> {
  readonly traced: TracedFunction<R>
  readonly executable: Executable
  /** Positions of the donated tensors among the flattened arguments. */
  readonly donate: readonly number[]
}

/** Where the leaves of the given arguments stand among those of all. */
function leafPositions(name: string, args: readonly unknown[], positions: readonly number[]): number[] {
  const counts = args.map((arg) => flattenTree(arg, name).leaves.length)
  return positions.flatMap((position) => {
    const start = counts.slice(0, position).reduce((a, b) => a + b, 0)
    return Array.from({ length: counts[position] }, (_, i) => start + i)
  })
}

/**
 * Compiles `f` on first use for each signature (tree form and tensor types) and backend. Inside another trace
 * it is simply recorded there.
 */
export function jit<Args extends readonly unknown[], R>(
  f: (...args: Args) => R,
  options: JitOptions = {},
): CompiledFunction<Args, R> {
  const name = options.name ?? f.name
  const caches = new Map<Backend, Map<string, CacheEntry<R>>>()

  const prepare = (args: Args): { backend: Backend; entry: CacheEntry<R>; leaves: readonly Tensor[] } => {
    const { leaves, structure } = flattenTree(args, name)
    const backend = options.backend ?? backendOf(name, leaves)
    let cache = caches.get(backend)
    if (cache === undefined) caches.set(backend, (cache = new Map<string, CacheEntry<R>>()))
    const key = `${structure.key} ${leaves.map(formatType).join(' ')}`
    let entry = cache.get(key)
    if (entry === undefined) {
      const traced = traceFunction(f, args, name)
      const donate = leafPositions(name, args, options.donate ?? [])
      entry = { traced, donate, executable: backend.compile(traced.program, { donate }) }
      cache.set(key, entry)
    }
    return { backend, entry, leaves }
  }

  const call = (...args: Args): R => {
    if (currentTrace() !== undefined) return f(...args)
    const { backend, entry, leaves } = prepare(args)
    const outputs = runExecutable(backend, entry.executable, [...leaves, ...entry.traced.captures])
    for (const position of entry.donate) leaves[position].surrender()
    return unflattenTree(entry.traced.structure, outputs)
  }
  return Object.assign(call, {
    executableFor: (...args: Args): Executable => prepare(args).entry.executable,
    dispose: (): void => {
      for (const cache of caches.values()) for (const { executable } of cache.values()) executable.dispose()
      caches.clear()
    },
  })
}
