// Every check of the repository: types, lint, format, build and tests, one line each, then what ran, what was
// skipped and why. A failing check does not stop the others. Arguments narrow the tests (`npm test -- packages/hf`).

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkLine, countOutcome, summaryLines } from './testOutcome.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

// Colours are for a person's screen only; a log gets plain text. The test runner reads this when it is loaded.
if (process.stdout.isTTY) process.env.FORCE_COLOR ??= '1'
else process.env.NO_COLOR ??= '1'

const CHECKS = [
  {
    name: 'type-check',
    script: 'node_modules/typescript/bin/tsc',
    options: ['-p', 'tsconfig.json', ...(process.stdout.isTTY ? ['--pretty'] : [])],
  },
  { name: 'lint', script: 'node_modules/eslint/bin/eslint.js', options: ['.', '--max-warnings', '0'] },
  { name: 'format', script: 'node_modules/prettier/bin/prettier.cjs', options: ['--check', '.'] },
  { name: 'build', script: 'scripts/build.mjs', options: [] },
]

/**
 * Runs everything and prints the outcome.
 *
 * @param {readonly string[]} filters - parts of the paths of the tests wanted; none means all
 * @returns {Promise<number>} the exit code
 */
export async function runChecks(filters) {
  console.log(`Checks on Node ${process.versions.node}:`)
  const checks = await Promise.all(CHECKS.map(runCheck))
  const started = performance.now()
  const tests = await runTests(filters)
  const lines = summaryLines(checks, tests, (performance.now() - started) / 1000)
  if (filters.length > 0) lines.splice(-2, 0, `Only tests in files matching: ${filters.join(' ')}`)
  console.log(lines.join('\n'))
  return countOutcome(checks, tests).failed === 0 ? 0 : 1
}

/**
 * Runs one check as a process of its own; what it printed is shown only if it failed.
 *
 * @param {{ name: string, script: string, options: string[] }} check
 * @returns {Promise<import('./testOutcome.mjs').CheckOutcome>}
 */
function runCheck({ name, script, options }) {
  const started = performance.now()
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(ROOT, script), ...options], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const keep = (/** @type {Buffer} */ chunk) => {
      output += chunk.toString()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('close', (code) => {
      const outcome = { name, passed: code === 0, seconds: (performance.now() - started) / 1000 }
      console.log(checkLine(outcome))
      if (!outcome.passed) console.log(output.trimEnd())
      resolve(outcome)
    })
  })
}

/**
 * Runs the tests in this process and collects what became of each.
 *
 * @param {readonly string[]} filters
 * @returns {Promise<import('./testOutcome.mjs').TestOutcome>}
 */
async function runTests(filters) {
  /** @type {import('./testOutcome.mjs').TestOutcome} */
  const outcome = { files: 0, passed: 0, failed: 0, skipped: [], brokenFiles: 0, strayErrors: 0 }
  /** @type {import('vitest/node').Reporter} */
  const collector = {
    onTestRunEnd(modules, strayErrors) {
      outcome.files = modules.length
      outcome.strayErrors = strayErrors.length
      for (const module of modules) {
        const broken =
          module.errors().length > 0 || [...module.children.allSuites()].some((s) => s.errors().length > 0)
        if (broken) outcome.brokenFiles += 1
        for (const test of module.children.allTests()) {
          const result = test.result()
          if (result.state === 'passed') outcome.passed += 1
          else if (result.state === 'failed') outcome.failed += 1
          else {
            const note = result.state === 'skipped' ? result.note : undefined
            outcome.skipped.push({ file: module.relativeModuleId, titles: titlesOf(test), note })
          }
        }
      }
    },
  }
  try {
    const { startVitest } = await import('vitest/node')
    const vitest = await startVitest('test', [...filters], {
      root: ROOT,
      watch: false,
      reporters: ['default', collector],
    })
    await vitest.close()
  } catch (error) {
    // The runner itself failed, so no test's own outcome tells of it.
    console.error(error)
    outcome.strayErrors += 1
  }
  return outcome
}

/**
 * @param {import('vitest/node').TestCase} test
 * @returns {string[]} the titles of the suites around a test, outermost first, and its own
 */
function titlesOf(test) {
  const titles = [test.name]
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent) titles.unshift(parent.name)
  return titles
}
