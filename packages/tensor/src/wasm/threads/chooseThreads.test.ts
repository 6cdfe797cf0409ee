/** How many threads a backend uses by itself, and what it says where it cannot use several. */
import { availableParallelism } from 'node:os'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ArgumentError } from '../../errors.ts'
import { chooseThreads } from './chooseThreads.ts'
import { coresInCpuinfo, coresOfProcessors, physicalCores, processorsInQuota } from './physicalCores.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

const processor = (fields: Readonly<Record<string, number>>): string =>
  Object.entries({ processor: 0, ...fields })
    .map(([name, value]) => `${name}\t: ${value}`)
    .join('\n')

describe('physical cores', () => {
  it('count siblings of one core once, and cores of the same number in two packages twice', () => {
    const siblings = [0, 1, 0, 1].map((core) => processor({ 'physical id': 0, 'core id': core }))
    expect(coresInCpuinfo(siblings.join('\n\n'))).toBe(2)
    const packages = [0, 1].map((each) => processor({ 'physical id': each, 'core id': 0 }))
    expect(coresInCpuinfo(packages.join('\n\n'))).toBe(2)
  })

  it('are unknown where the list of processors does not name cores', () => {
    expect(coresInCpuinfo(processor({ BogoMIPS: 50 }))).toBeUndefined()
    expect(coresInCpuinfo('')).toBeUndefined()
  })

  it('are estimated from processors: all of up to four, half of more', () => {
    expect([0, 1, 2, 4, 6, 7, 16].map(coresOfProcessors)).toEqual([1, 1, 2, 4, 3, 4, 8])
  })

  it('are bounded by the quota of the control group', () => {
    expect(processorsInQuota('150000 100000\n')).toBe(2)
    expect(processorsInQuota('50000 100000\n')).toBe(1)
    expect(processorsInQuota('max 100000\n')).toBeUndefined()
    expect(processorsInQuota('')).toBeUndefined()
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
