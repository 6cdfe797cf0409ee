// What a run of the checks came to, as lines of text: which ran, which tests were skipped and why, and the count.
//
// Pure functions over plain records, so that the sentence everybody relies on is itself tested.

/**
 * @typedef {{ name: string, passed: boolean, seconds: number, detail?: string }} CheckOutcome
 * @typedef {{ file: string, titles: string[], note?: string | undefined }} SkippedTest
 * @typedef {{ files: number, passed: number, failed: number, skipped: SkippedTest[], brokenFiles: number,
 *   strayErrors: number }} TestOutcome
 *   `titles` runs from the outermost describe to the test; `brokenFiles` are test files or suites that failed
 *   outside any test; `strayErrors` are errors that no test owns.
 */

const REASON =
  /[([]([^()[\]]*\b(?:skip|skipped|needs?|requires?|absent|missing|without|unless)\b[^()[\]]*)[)\]]/gi

/**
 * The reason of a skip: the note it was skipped with, else the bracketed part of the nearest title that reads like
 * a reason ("replays the log (needs ../shared/fixtures)"), else an admission that there is none.
 *
 * @param {SkippedTest} test
 * @returns {string}
 */
export function reasonForSkip({ titles, note }) {
  if (note) return note
  for (const title of titles.slice().reverse()) {
    const reason = [...title.matchAll(REASON)].pop()?.[1]
    if (reason) return reason.replace(/^skip(?:ped)?\s*[:,]?\s*/i, '').trim()
  }
  return 'no reason in the title'
}

/**
 * One line for each reason, the commonest first, with the files it concerns.
 *
 * @param {readonly SkippedTest[]} skipped
 * @returns {string[]}
 */
export function skipLines(skipped) {
  /** @type {Map<string, SkippedTest[]>} */
  const byReason = new Map()
  for (const test of skipped) {
    const reason = reasonForSkip(test)
    byReason.set(reason, [...(byReason.get(reason) ?? []), test])
  }
  return [...byReason]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([reason, tests]) => {
      const files = [...new Set(tests.map((test) => test.file))].sort()
      return `${String(tests.length).padStart(4)} x ${reason}: ${files.join(', ')}`
    })
}

/**
 * The count that ends a run: tests, with every other failing check as one failure more.
 *
 * @param {readonly CheckOutcome[]} checks - the checks other than the tests
 * @param {TestOutcome} tests
 */
export function countOutcome(checks, tests) {
  return {
    passed: tests.passed,
    failed: testFailures(tests) + checks.filter((check) => !check.passed).length,
    skipped: tests.skipped.length,
  }
}

/**
 * Failed tests and whatever else went wrong among them; a run that executed no test has proved nothing and fails.
 *
 * @param {TestOutcome} tests
 */
function testFailures({ passed, failed, brokenFiles, strayErrors }) {
  const failures = failed + brokenFiles + strayErrors
  return passed + failures === 0 ? 1 : failures
}

/**
 * The summary, its last line being exactly `N passed, N failed, N skipped`.
 *
 * @param {readonly CheckOutcome[]} checks - the checks other than the tests
 * @param {TestOutcome} tests
 * @param {number} testSeconds
 * @returns {string[]}
 */
export function summaryLines(checks, tests, testSeconds) {
  const { passed, failed, skipped } = countOutcome(checks, tests)
  const detail = [`${tests.passed + tests.failed} tests in ${tests.files} files`]
  if (tests.failed > 0) detail.push(`${tests.failed} failed`)
  if (tests.brokenFiles > 0) detail.push(`${tests.brokenFiles} files or suites failed outside any test`)
  if (tests.strayErrors > 0) detail.push(`${tests.strayErrors} errors outside any test`)
  return [
    'What ran:',
    ...checks.map(checkLine),
    checkLine({
      name: 'tests',
      passed: testFailures(tests) === 0,
      seconds: testSeconds,
      detail: detail.join(', '),
    }),
    skipped === 0 ? 'What was skipped: nothing' : 'What was skipped, and why:',
    ...skipLines(tests.skipped),
    '',
    `${passed} passed, ${failed} failed, ${skipped} skipped`,
  ]
}

/**
 * @param {CheckOutcome} check
 * @returns {string}
 */
export function checkLine({ name, passed, seconds, detail }) {
  const verdict = passed ? 'passed' : 'FAILED'
  return `  ${name.padEnd(12)} ${verdict}  ${seconds.toFixed(1).padStart(6)} s${detail ? `  ${detail}` : ''}`
}
