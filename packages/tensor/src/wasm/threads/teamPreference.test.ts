/** When runs are given to the team, over made-up times. */
import { describe, expect, it } from 'vitest'
import { createTeamPreference } from './teamPreference.ts'

/** The ways of `count` runs of a program that takes so long alone and together. */
function ways(
  preference: ReturnType<typeof createTeamPreference>,
  count: number,
  alone: number,
  together: number,
) {
  return Array.from({ length: count }, () => {
    const way = preference.next()
    preference.record(way, way === 'alone' ? alone : together)
    return way
  })
}
const shared = (all: readonly string[]): number => all.filter((way) => way === 'together').length

describe('the team', () => {
  it('has all runs while it is the faster way, and while nothing is known of runs alone', () => {
    const preference = createTeamPreference()
    expect(shared(ways(preference, 50, 10, 100))).toBe(50)
    preference.record('alone', 10)
    expect(shared(ways(preference, 50, 10, 6))).toBe(50)
  })

  it('loses the runs after three slow ones in a row, but not after single ones', () => {
    const preference = createTeamPreference()
    preference.record('alone', 10)
    for (let i = 0; i < 20; i++) {
      expect(ways(preference, 2, 10, 30)).toEqual(['together', 'together'])
      expect(ways(preference, 1, 10, 5)).toEqual(['together'])
    }
    expect(ways(preference, 4, 10, 30)).toEqual(['together', 'together', 'together', 'alone'])
  })

  it('is tried again, ever more rarely, and has all runs again once it is faster', () => {
    const preference = createTeamPreference()
    preference.record('alone', 10)
    const all = ways(preference, 10_000, 10, 30)
    expect(shared(all)).toBeGreaterThan(20)
    expect(shared(all)).toBeLessThan(100)
    ways(preference, 1100, 10, 6)
    expect(shared(ways(preference, 100, 10, 6))).toBe(100)
  })

  it('forgets a lucky run alone', () => {
    const preference = createTeamPreference()
    preference.record('alone', 1)
    ways(preference, 2000, 10, 6)
    expect(shared(ways(preference, 100, 10, 6))).toBeGreaterThan(90)
  })
})
