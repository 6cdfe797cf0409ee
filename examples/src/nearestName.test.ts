// Oracle: distances counted by hand, and the axioms of a metric.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { editDistance, nearestName, validNames } from './nearestName.ts'

describe('editDistance', () => {
  it('counts insertions, deletions and replacements', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3)
    expect(editDistance('', 'abc')).toBe(3)
    expect(editDistance('same', 'same')).toBe(0)
  })

  it('is a metric', () => {
    const word = fc.string({ maxLength: 8 })
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a))
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c))
        expect(editDistance(a, b) === 0).toBe(a === b)
      }),
    )
  })
})

describe('the message for a wrong name', () => {
  const names = ['tiny', 'small', 'full']
  it('suggests the nearest one, also for a beginning of it', () => {
    expect(nearestName('smal', names)).toBe('small')
    expect(nearestName('f', names)).toBe('full')
    expect(validNames('smal', names)).toBe("Did you mean 'small'? Valid: tiny, small, full.")
  })

  it('suggests nothing where nothing is near', () => {
    expect(nearestName('xxxxxxxx', names)).toBeUndefined()
    expect(nearestName('', names)).toBeUndefined()
    expect(validNames('xxxxxxxx', names)).toBe('Valid: tiny, small, full.')
  })
})
