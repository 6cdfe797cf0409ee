/** Which machine a row was measured on, and how busy it was. */
import { cpus, loadavg } from 'node:os'

/** As in "AMD EPYC, 2 processors". */
export function machineName(): string {
  const all = cpus()
  return `${all[0]?.model.trim() ?? 'unknown processor'}, ${all.length} processors`
}

/** Load average of the last minute, this process included. */
export const load = (): number => Number(loadavg()[0].toFixed(2))
