/** Which machine a row was measured on, and how busy it was. */
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'

/**
 * Physical cores that `/proc/cpuinfo` lists: distinct pairs of socket and core. Sibling hardware threads share one set of
 * multipliers, so a second one adds nothing to a matrix product.
 */
export function coresOf(information: string): number | undefined {
  const cores = new Set<string>()
  for (const processor of information.split(/\n\s*\n/)) {
    const socket = /^physical id\s*:\s*(\d+)/m.exec(processor)
    const core = /^core id\s*:\s*(\d+)/m.exec(processor)
    if (socket !== null && core !== null) cores.add(`${socket[1]} ${core[1]}`)
  }
  return cores.size === 0 ? undefined : cores.size
}

/** Physical cores this process may use; processors where the system does not tell. */
export function physicalCores(): number {
  const available = availableParallelism()
  try {
    return Math.min(coresOf(readFileSync('/proc/cpuinfo', 'utf8')) ?? available, available)
  } catch {
    return available
  }
}

/** As in "AMD EPYC Processor, 2 processors". */
export function machineName(): string {
  const all = cpus()
  return `${all[0]?.model.trim() ?? 'unknown processor'}, ${all.length} processors`
}

/** Load average of the last minute, this process included. */
export const load = (): number => Number(loadavg()[0].toFixed(2))
