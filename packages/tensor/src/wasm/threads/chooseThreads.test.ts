/** How many threads a backend uses by itself, and what it says where it cannot use several. */
import { availableParallelism } from 'node:os'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ArgumentError } from '../../errors.ts'
import { chooseThreads } from './chooseThreads.ts'
import type { ReadText } from './physicalCores.ts'
import {
  allowedCores,
  coresOfProcessors,
  listedCores,
  numbersInList,
  physicalCores,
  quotaOfProcessors,
} from './physicalCores.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

const processor = (fields: Readonly<Record<string, number>>): string =>
  Object.entries({ processor: 0, ...fields })
    .map(([name, value]) => `${name}\t: ${value}`)
    .join('\n')

/** Files of a machine made up. */
const reading =
  (files: Readonly<Record<string, string>>): ReadText =>
  (path) =>
    files[path]

describe('physical cores', () => {
  it('of a process: siblings count once, and processors that it may not use do not', () => {
    const siblings = ['0,4', '1,5', '2,6', '3,7', '0,4', '1,5', '2,6', '3,7']
    const machine = (allowed: string): Readonly<Record<string, string>> => ({
      '/proc/self/status': `Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t${allowed}\nthreads:\t1\n`,
      ...Object.fromEntries(
        siblings.map((list, i) => [
          `/sys/devices/system/cpu/cpu${i}/topology/thread_siblings_list`,
          `${list}\n`,
        ]),
      ),
    })
    expect(allowedCores(reading(machine('0-7')))).toBe(4)
    expect(allowedCores(reading(machine('1,5-6')))).toBe(2)
    expect(allowedCores(reading({}))).toBeUndefined()
    expect(allowedCores(reading({ '/proc/self/status': 'Cpus_allowed_list:\t0\n' }))).toBeUndefined()
    expect(numbersInList('0-2,5\n')).toEqual([0, 1, 2, 5])
  })

  it('in a list of processors: siblings count once, and cores of one number in two packages twice', () => {
    const listed = (...processors: string[]) =>
      listedCores(reading({ '/proc/cpuinfo': processors.join('\n\n') }))
    const siblings = [0, 1, 0, 1].map((core) => processor({ 'physical id': 0, 'core id': core }))
    expect(listed(...siblings)).toBe(2)
    const packages = [0, 1].map((each) => processor({ 'physical id': each, 'core id': 0 }))
    expect(listed(...packages)).toBe(2)
    expect(listed(processor({ BogoMIPS: 50 }))).toBeUndefined()
    expect(listedCores(reading({}))).toBeUndefined()
  })

  it('are estimated from processors: all of up to four, half of more', () => {
    expect([0, 1, 2, 4, 6, 7, 16].map(coresOfProcessors)).toEqual([1, 1, 2, 4, 3, 4, 8])
  })

  it('are bounded by the quota of the control group and of those around it', () => {
    const quota = (limits: Readonly<Record<string, string>>) => quotaOfProcessors(reading(limits))
    expect(quota({ '/sys/fs/cgroup/cpu.max': '150000 100000\n' })).toBe(2)
    expect(quota({ '/sys/fs/cgroup/cpu.max': '50000 100000\n' })).toBe(1)
    expect(quota({ '/sys/fs/cgroup/cpu.max': 'max 100000\n' })).toBe(Infinity)
    expect(quota({})).toBe(Infinity)
    const inner = { '/proc/self/cgroup': '0::/user/job\n', '/sys/fs/cgroup/user/job/cpu.max': 'max 100000\n' }
    expect(quota(inner)).toBe(Infinity)
    expect(quota({ ...inner, '/sys/fs/cgroup/user/cpu.max': '300000 100000\n' })).toBe(3)
    const old = { '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' }
    expect(quota({ ...old, '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n' })).toBe(Infinity)
    expect(quota({ ...old, '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '200000\n' })).toBe(2)
  })

  it('of this machine are at least one and no more than its processors', () => {
    expect(physicalCores()).toBeGreaterThanOrEqual(1)
    expect(physicalCores()).toBeLessThanOrEqual(availableParallelism())
  })
})

describe('the number of threads', () => {
  it('is what is asked for, and must be an integer from 1 to 64', () => {
    expect(chooseThreads(3)).toEqual({ threads: 3 })
    for (const wrong of [0, -1, 1.5, 65, NaN]) expect(() => chooseThreads(wrong)).toThrow(ArgumentError)
    expect(() => chooseThreads(0)).toThrow(/integer from 1 to 64; found 0/)
  })

  it('is one in Node without a way to its workers, and the reason says which Node has one', () => {
    vi.stubGlobal('process', { versions: { node: '20.10.0' } })
    expect(chooseThreads(2)).toEqual({ threads: 1, reason: 'threads need Node 20.16 or newer' })
  })

  it.each([
    ['without workers', {}, /no workers/],
    ['that is not isolated', { Worker: Function, crossOriginIsolated: false }, /Cross-Origin-Opener-Policy/],
    ['on the main thread', { Worker: Function, crossOriginIsolated: true, document: {} }, /in a worker/],
  ])('is one in a browser %s, with the reason', (_, globals, reason) => {
    vi.stubGlobal('process', undefined)
    vi.stubGlobal('Worker', undefined)
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
    const use = chooseThreads(2)
    expect(use.threads).toBe(1)
    expect(use.reason).toMatch(reason)
  })

  it('is the wanted one in an isolated worker of a browser', () => {
    vi.stubGlobal('process', undefined)
    vi.stubGlobal('Worker', Function)
    vi.stubGlobal('crossOriginIsolated', true)
    vi.stubGlobal('navigator', { hardwareConcurrency: 8 })
    expect(chooseThreads()).toEqual({ threads: 4 })
    expect(chooseThreads(3)).toEqual({ threads: 3 })
  })
})
