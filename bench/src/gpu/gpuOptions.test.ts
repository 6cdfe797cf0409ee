import { describe, expect, it } from 'vitest'
import { fileNameOf, parseGpuOptions } from './gpuOptions.ts'
import { planFor } from './gpuPlan.ts'

const known = ['copy', 'product']

describe('options', () => {
  it('measure everything by default, and what is named otherwise', () => {
    expect(parseGpuOptions([], known).measurements).toEqual(known)
    expect(parseGpuOptions(['product', '--software', '--quick'], known)).toMatchObject({
      measurements: ['product'],
      software: true,
      quick: true,
      probe: false,
    })
  })
  it('take sizes and batches as positive integers and nothing else', () => {
    expect(parseGpuOptions(['--sizes', '64,128', '--batches', '4'], known)).toMatchObject({
      sizes: [64, 128],
      batches: [4],
    })
    for (const bad of ['', '0', '1.5', 'large', '64,', '-8']) {
      expect(() => parseGpuOptions(['--sizes', bad], known)).toThrow(/--sizes takes positive integers/)
    }
  })
  it('list what there is when they do not know a name', () => {
    expect(() => parseGpuOptions(['divide'], known)).toThrow(/'divide'; measurements: copy, product/)
  })
  it('hand everything after --table over as files', () => {
    expect(parseGpuOptions(['--table', 'a.jsonl', 'copy'], known).table).toEqual(['a.jsonl', 'copy'])
  })
  it('make an adapter part of a file name', () => {
    expect(fileNameOf('NVIDIA hopper nvidia-h100-80gb-hbm3 (NVIDIA: 570.1)')).toBe(
      'nvidia-hopper-nvidia-h100-80gb-hbm3-nvidia-570-1',
    )
  })
})

describe('the plan', () => {
  it('is far smaller on a processor, and what is asked for wins', () => {
    const hardware = planFor({ isSoftware: false, quick: false })
    const software = planFor({ isSoftware: true, quick: false })
    expect(hardware.products).toEqual([1024, 2048, 4096, 8192])
    expect(hardware.batches).toEqual([512, 7500])
    expect(Math.max(...software.products)).toBeLessThan(Math.min(...hardware.products))
    expect(planFor({ isSoftware: true, quick: true, sizes: [7], batches: [2] })).toMatchObject({
      products: [7],
      batches: [2],
    })
  })
  it('is never larger when it is to be quick', () => {
    for (const isSoftware of [true, false]) {
      const [quick, full] = [true, false].map((wanted) => planFor({ isSoftware, quick: wanted }))
      expect(Math.max(...quick.products)).toBeLessThanOrEqual(Math.max(...full.products))
      expect(quick.elements).toBeLessThanOrEqual(full.elements)
      expect(quick.runs).toBeLessThan(full.runs)
    }
  })
})
