/**
 * The number of physical cores that this process may use: the default number of threads. Two threads on one core would
 * share its multipliers, so siblings count once.
 *
 * On Linux the kernel's list of processors is read; elsewhere the number is a heuristic from the logical processors.
 */
import { nodeProcess } from './workerHost.ts'

/** What is used of Node's modules. */
interface NodeSystem {
  readonly availableParallelism?: () => number
}
interface NodeFiles {
  readonly readFileSync: (path: string, encoding: 'utf8') => string
}

/**
 * Heuristic where the topology is not known: up to four logical processors are cores (small virtual machines, phones),
 * of more every other one is a sibling.
 */
export const coresOfProcessors = (processors: number): number =>
  processors <= 4 ? Math.max(1, processors) : Math.ceil(processors / 2)

/** Distinct (package, core) pairs in the text of /proc/cpuinfo; undefined if it does not say. */
export function coresInCpuinfo(text: string): number | undefined {
  const cores = new Set<string>()
  for (const block of text.split(/\n\s*\n/)) {
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}\\s*:\\s*(\\S+)`, 'm').exec(block)?.[1]
    const core = field('core id')
    if (core !== undefined) cores.add(`${field('physical id') ?? 0}/${core}`)
  }
  return cores.size === 0 ? undefined : cores.size
}

/** Processors that the text of a control group's `cpu.max` allows, rounded up; undefined for no limit. */
export function processorsInQuota(text: string): number | undefined {
  const [quota, period] = text.trim().split(/\s+/).map(Number)
  return quota > 0 && period > 0 ? Math.max(1, Math.ceil(quota / period)) : undefined
}

/** Cores of this machine for this process, at least 1. */
export function physicalCores(): number {
  const builtin = nodeProcess()?.getBuiltinModule
  if (builtin === undefined) {
    const { navigator } = globalThis as { readonly navigator?: { readonly hardwareConcurrency?: number } }
    return coresOfProcessors(navigator?.hardwareConcurrency ?? 1)
  }
  const { readFileSync } = builtin('node:fs') as NodeFiles
  const read = <T>(path: string, parse: (text: string) => T): T | undefined => {
    try {
      return parse(readFileSync(path, 'utf8'))
    } catch {
      return undefined
    }
  }
  const allowed = (builtin('node:os') as NodeSystem).availableParallelism?.() ?? 1
  const cores = read('/proc/cpuinfo', coresInCpuinfo) ?? coresOfProcessors(allowed)
  const quota = read('/sys/fs/cgroup/cpu.max', processorsInQuota) ?? Infinity
  return Math.max(1, Math.min(allowed, cores, quota))
}
