// Oracles: the rows and weights counted by hand.
import {
  ArgumentError,
  NumericalError,
  ShapeError,
  createReferenceBackend,
  hostArray,
  randomKey,
  randomPermutation,
} from '@hessian-free/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunkLengths } from './chunkLengths.ts'
import { allCases, prepareSample, uploadDataset } from './dataset.ts'
import { uniformArray } from './testing/smallProblem.ts'

const backend = createReferenceBackend()

describe('a data set', () => {
  it.each([NaN, Infinity, -Infinity])(
    'with %s among the inputs is refused, naming case and element',
    (bad) => {
      const inputs = uniformArray(1, [5, 2, 3])
      inputs.data[3 * 6 + 4] = bad
      const upload = () => uploadDataset({ inputs, targets: uniformArray(2, [5]) }, backend)
      expect(upload).toThrow(NumericalError)
      expect(upload).toThrow(`inputs must be finite numbers; found ${bad} in case 3, element 4`)
    },
  )

  it('with NaN among the targets is refused, naming the case, and leaves nothing on the device', () => {
    const own = createReferenceBackend()
    const targets = uniformArray(1, [5])
    targets.data[4] = NaN
    const upload = () => uploadDataset({ inputs: uniformArray(1, [5, 2]), targets }, own)
    expect(upload).toThrow(/targets must be finite numbers; found NaN in case 4, element 0/)
    expect(own.memory().liveBuffers).toBe(0)
  })

  it.each([
    ['different numbers of cases', [4, 3], [5, 3]],
    ['inputs without an axis for features', [4], [4]],
    ['targets that are one number', [4, 3], []],
  ])('of %s is refused, naming both shapes', (_, inputs, targets) => {
    const upload = () =>
      uploadDataset({ inputs: uniformArray(1, inputs), targets: uniformArray(2, targets) }, backend)
    expect(upload).toThrow(ShapeError)
    expect(upload).toThrow(`inputs [${inputs.join()}], targets [${targets.join()}]`)
  })

  it('without cases is refused', () => {
    expect(() => uploadDataset({ inputs: uniformArray(1, [0, 3]) }, backend)).toThrow(ArgumentError)
  })

  it('without targets is its own target and holds one copy; disposal frees all', () => {
    const own = createReferenceBackend()
    const data = uploadDataset({ inputs: uniformArray(1, [4, 3]) }, own)
    expect(data.targets).toBe(data.inputs)
    expect(own.memory().liveBuffers).toBe(1)
    expect([...allCases(data)]).toEqual([0, 1, 2, 3])
    data.dispose()
    expect(own.memory().liveBuffers).toBe(0)
  })

  it('takes class indices as targets', () => {
    const targets = hostArray(Int32Array.of(1, 0, 2), [3])
    expect(uploadDataset({ inputs: uniformArray(1, [3, 2]), targets }, backend).targets.dtype).toBe('int32')
  })
})

describe('a sample', () => {
  const data = uploadDataset({ inputs: uniformArray(1, [50, 2]) }, backend)

  it('holds the chosen cases in order, in chunks of few lengths, with weights that sum to one and weigh no padding', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 0, max: 99 }),
        (size, length, seed) => {
          const chosen = randomPermutation(randomKey(seed), 50).slice(0, size)
          const sample = prepareSample(data, chosen, length, 'float64')
          expect(sample.cases).toBe(size)
          const lengths = chunkLengths(size, length)
          expect(sample.chunks).toHaveLength(lengths.length)
          const cases: number[] = []
          let sum = 0
          for (const [i, chunk] of sample.chunks.entries()) {
            const [indices, weights] = [[...chunk.indices.readSync()], [...chunk.weights.readSync()]]
            expect([indices.length, weights.length]).toEqual([lengths[i], lengths[i]])
            cases.push(...indices.slice(0, chunk.cases))
            expect(weights.slice(0, chunk.cases).every((weight) => weight === 1 / size)).toBe(true)
            expect(weights.slice(chunk.cases).every((weight) => weight === 0)).toBe(true)
            expect(indices.every((index) => index >= 0 && index < 50)).toBe(true)
            sum += weights.reduce((a, b) => a + b)
          }
          expect(cases).toEqual([...chosen])
          expect(sum).toBeCloseTo(1, 13)
          sample.dispose()
        },
      ),
      { numRuns: 50 },
    )
  })

  it('frees its tensors and not those of the data', () => {
    const own = createReferenceBackend()
    const owned = uploadDataset({ inputs: uniformArray(1, [7, 2]) }, own)
    prepareSample(owned, allCases(owned), 3, 'float64').dispose()
    expect(own.memory().liveBuffers).toBe(1)
    expect(owned.inputs.isDisposed).toBe(false)
  })

  it.each([
    ['no case', [], 5, 'found no index'],
    ['a case outside the data', [3, 50], 5, 'below 50; found largest index 50'],
    ['chunks of no case, which would never end', [1], 0, 'positive integer; found 0'],
    ['chunks of half a case', [1], 0.5, 'positive integer; found 0.5'],
    ['chunks without a length', [1], NaN, 'positive integer; found NaN'],
  ])('of %s is refused', (_, indices, length, message) => {
    const prepare = () => prepareSample(data, Uint32Array.from(indices), length, 'float64')
    expect(prepare).toThrow(ArgumentError)
    expect(prepare).toThrow(message)
  })
})
