import { describe, expect, it } from 'vitest'
import { countOutcome, reasonForSkip, skipLines, summaryLines } from './testOutcome.mjs'

const passing = { files: 2, passed: 7, failed: 0, skipped: [], brokenFiles: 0, strayErrors: 0 }
const check = { name: 'lint', passed: true, seconds: 1.25 }

/** @param {string[]} titles @param {string} [note] */
const skipped = (titles, note) => ({ file: 'a.test.ts', titles, note })

describe('the reason of a skipped test', () => {
  it('is the note it was skipped with', () => {
    expect(reasonForSkip(skipped(['replays (needs fixtures)'], 'no GPU here'))).toBe('no GPU here')
  })

  it('is the bracketed part of its title', () => {
    expect(reasonForSkip(skipped(['replays f(x) of the log (needs ../shared/fixtures)']))).toBe(
      'needs ../shared/fixtures',
    )
    expect(reasonForSkip(skipped(['replays the log [skipped: fixtures absent]']))).toBe('fixtures absent')
  })

  it('is found in a suite around it, the nearest first', () => {
    expect(reasonForSkip(skipped(['outer (needs A)', 'inner (needs B)', 'adds (x + y)']))).toBe('needs B')
  })

  it('is admitted to be unknown otherwise', () => {
    expect(reasonForSkip(skipped(['adds (x + y)']))).toBe('no reason in the title')
  })
})

describe('the summary', () => {
  it('groups skips by reason, the commonest first', () => {
    const tests = [
      { file: 'b.test.ts', titles: ['one (needs B)'] },
      { file: 'c.test.ts', titles: ['two (needs A)'] },
      { file: 'a.test.ts', titles: ['three (needs A)'] },
      { file: 'a.test.ts', titles: ['four (needs A)'] },
    ]
    expect(skipLines(tests)).toEqual(['   3 x needs A: a.test.ts, c.test.ts', '   1 x needs B: b.test.ts'])
  })

  it('ends with the bare count', () => {
    const tests = { ...passing, skipped: [skipped(['one (needs A)'])] }
    expect(summaryLines([check], tests, 3).at(-1)).toBe('7 passed, 0 failed, 1 skipped')
  })

  it('says so when nothing was skipped', () => {
    expect(summaryLines([check], passing, 3)).toContain('What was skipped: nothing')
  })

  it('counts a failing check, a broken file and a stray error as failures', () => {
    const tests = { ...passing, failed: 1, brokenFiles: 2, strayErrors: 1 }
    expect(countOutcome([check, { ...check, passed: false }], tests)).toEqual({
      passed: 7,
      failed: 5,
      skipped: 0,
    })
    const lines = summaryLines([check], tests, 3)
    expect(lines.find((line) => line.includes('tests'))).toMatch(
      /FAILED.*8 tests.*1 failed.*2 files.*1 errors/,
    )
  })
  it('counts a run that executed no test as a failure', () => {
    const tests = { ...passing, passed: 0, skipped: [skipped(['one (needs A)'])] }
    expect(summaryLines([check], tests, 3).at(-1)).toBe('0 passed, 1 failed, 1 skipped')
  })
})
