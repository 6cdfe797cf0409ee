import { afterEach, describe, expect, it, vi } from 'vitest'
import { candidateVariants } from '../matrix/candidateVariants.ts'
import { chooseVariant } from '../matrix/chooseVariant.ts'
import { parseVariant, variantKey } from '../matrix/matrixVariant.ts'
import { testDevice } from '../node/softwareDevice.ts'
import { buildProduct } from '../testing/productCase.ts'
import { memoryTuningCache, tuningKey } from './tuningCache.ts'
import type { TuningCache } from './tuningCache.ts'
import { tuneMatrixProduct } from './tuneMatrixProduct.ts'

const requested = await testDevice()

afterEach(() => {
  vi.restoreAllMocks()
})

/** A cache that remembers what was written. */
function recordedCache(): TuningCache & { readonly written: Map<string, string> } {
  const written = new Map<string, string>()
  return {
    written,
    get: async (key) => written.get(key),
    set: async (key, value) => {
      written.set(key, value)
    },
  }
}

it('keys differ by adapter, operation and class of shapes, and memory keeps what is set', async () => {
  const subject = { adapterName: 'a', operation: 'o', shapeClass: 's' }
  const keys = [
    subject,
    { ...subject, adapterName: 'b' },
    { ...subject, operation: 'b' },
    { ...subject, shapeClass: 'b' },
  ].map(tuningKey)
  expect(new Set(keys).size).toBe(4)
  const cache = memoryTuningCache()
  expect(await cache.get(keys[0])).toBeUndefined()
  await cache.set(keys[0], 'x')
  expect(await cache.get(keys[0])).toBe('x')
  expect(await cache.get(keys[1])).toBeUndefined()
})

describe.skipIf(requested === undefined)(
  'tuning products (skipped where no software Vulkan is offered)',
  () => {
    const { device, capabilities } = requested!
    const tuningOf = (cache: TuningCache, sizes = { rows: 33, columns: 20, depth: 50 }) => {
      const { kernel, program } = buildProduct({ ...sizes, accumulator: 'dense', epilogue: 'several' })
      const context = {
        specification: (buffer: number) => program.buffers[buffer],
        storageOf: (buffer: number) => buffer,
      }
      return { kernel, tuning: { device, capabilities, cache, context, timing: { rounds: 1 } } }
    }

    it('takes one of the candidates, and the same again from the cache without timing anything', async () => {
      const cache = recordedCache()
      const { kernel, tuning } = tuningOf(cache)
      const chosen = await tuneMatrixProduct(kernel, tuning)
      expect(candidateVariants(kernel, capabilities).map(variantKey)).toContain(variantKey(chosen))
      expect([...cache.written.values()]).toEqual([variantKey(chosen)])
      expect([...cache.written.keys()][0]).toContain(capabilities.adapterName)

      const compile = vi.spyOn(device, 'createComputePipelineAsync')
      expect(await tuneMatrixProduct(kernel, tuning)).toEqual(chosen)
      // Another product of the same class.
      const similar = tuningOf(cache, { rows: 34, columns: 20, depth: 50 })
      expect(await tuneMatrixProduct(similar.kernel, similar.tuning)).toEqual(chosen)
      expect(compile).not.toHaveBeenCalled()
    })

    it('believes the cache, and measures again where it holds no variant, or one that does not fit the device', async () => {
      const cache = recordedCache()
      const { kernel, tuning } = tuningOf(cache)
      await tuneMatrixProduct(kernel, tuning)
      const [key] = cache.written.keys()
      const kept = 'direct 2x4 1x8 u4 /1'
      cache.written.set(key, kept)
      expect(await tuneMatrixProduct(kernel, tuning)).toEqual(parseVariant(kept))
      for (const useless of ['from another version', 'vector 4x4 t4096 /1']) {
        cache.written.set(key, useless)
        const again = await tuneMatrixProduct(kernel, tuning)
        expect(cache.written.get(key)).toBe(variantKey(again))
        expect(variantKey(again)).not.toBe(useless)
      }
    })

    it('falls back to the heuristic, and keeps nothing, where no candidate can be timed', async () => {
      const cache = recordedCache()
      const { kernel, tuning } = tuningOf(cache)
      vi.spyOn(device, 'createComputePipelineAsync').mockRejectedValue(new Error('no'))
      expect(await tuneMatrixProduct(kernel, tuning)).toEqual(chooseVariant(kernel, capabilities))
      expect(cache.written.size).toBe(0)
    })
  },
)
