/**
 * The number of physical cores that this process may use: the default number of threads. Two threads on one core would
 * share its multipliers, so siblings count once.
 *
 * On Linux the kernel says which processors the process may use, which of them are siblings and what share of them its
 * control group allows; elsewhere the number is a heuristic from the logical processors.
 */
import { nodeProcess } from './workerHost.ts'

/** What is used of Node's modules. */
interface NodeSystem {
  readonly availableParallelism?: () => number
}
interface NodeFiles {
  readonly readFileSync: (path: string, encoding: 'utf8') => string
}

/** The text of a file, or undefined. */
export type ReadText = (path: string) => string | undefined

/**
 * Heuristic where the topology is not known: up to four logical processors are cores (small virtual machines, phones),
 * of more every other one is a sibling.
 */
export const coresOfProcessors = (processors: number): number =>
  processors <= 4 ? Math.max(1, processors) : Math.ceil(processors / 2)

/** The numbers of a list as the kernel writes it: `0-3,8`. */
export const numbersInList = (text: string): number[] =>
  text
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number)
      return Array.from({ length: last - first + 1 }, (_, i) => first + i)
    })

/** Groups of siblings among the processors that the process may use; undefined if the kernel does not say. */
export function allowedCores(read: ReadText): number | undefined {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(read('/proc/self/status') ?? '')?.[1]
  if (list === undefined) return undefined
  const siblings = numbersInList(list).map((processor) =>
    read(`/sys/devices/system/cpu/cpu${processor}/topology/thread_siblings_list`),
  )
  return siblings.includes(undefined) ? undefined : new Set(siblings).size
}

/** Distinct (package, core) pairs in /proc/cpuinfo, for where /sys is hidden; undefined if it does not say. */
export function listedCores(read: ReadText): number | undefined {
  const cores = new Set<string>()
  for (const block of (read('/proc/cpuinfo') ?? '').split(/\n\s*\n/)) {
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}\\s*:\\s*(\\S+)`, 'm').exec(block)?.[1]
    const core = field('core id')
    if (core !== undefined) cores.add(`${field('physical id') ?? 0}/${core}`)
  }
  return cores.size === 0 ? undefined : cores.size
}

/** Processors that the control groups of the process allow, rounded up; Infinity without a limit. */
export function quotaOfProcessors(read: ReadText): number {
  const group = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1] ?? '/'
  const steps = group.split('/').filter((step) => step !== '')
  const limits = [...steps.keys(), steps.length].map((depth) =>
    read(`${['/sys/fs/cgroup', ...steps.slice(0, depth)].join('/')}/cpu.max`),
  )
  const first = '/sys/fs/cgroup/cpu/cpu.cfs'
  limits.push(`${read(`${first}_quota_us`) ?? 'max'} ${read(`${first}_period_us`) ?? ''}`)
  const processors = limits.map((limit = 'max') => {
    const [quota, period] = limit.trim().split(/\s+/).map(Number)
    return quota > 0 && period > 0 ? Math.max(1, Math.ceil(quota / period)) : Infinity
  })
  return Math.min(...processors)
}

/** Cores of this machine for this process, at least 1. */
export function physicalCores(): number {
  const builtin = nodeProcess()?.getBuiltinModule
  if (builtin === undefined) {
    const { navigator } = globalThis as { readonly navigator?: { readonly hardwareConcurrency?: number } }
    return coresOfProcessors(navigator?.hardwareConcurrency ?? 1)
  }
  const { readFileSync } = builtin('node:fs') as NodeFiles
  const read: ReadText = (path) => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return undefined
    }
  }
  const processors = (builtin('node:os') as NodeSystem).availableParallelism?.() ?? 1
  const cores = allowedCores(read) ?? listedCores(read) ?? coresOfProcessors(processors)
  return Math.max(1, Math.min(processors, cores, quotaOfProcessors(read)))
}
