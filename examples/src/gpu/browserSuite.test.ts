// The gpu backend inside a real headless browser: every primitive, the shared programs, random programs, and
// Gauss-Newton products of random networks.
import { afterAll, expect, it } from 'vitest'
import { fileURLToPath } from 'node:url'
import { runModuleInBrowser, tryLaunchBrowser } from '../testing/headlessBrowser.ts'
import type { BrowserSuiteResult } from './browserSuite.ts'

const { browser, why } = await tryLaunchBrowser()
afterAll(() => browser?.close())

it.skipIf(browser === undefined)(
  `the browser's WebGPU means the same as plain loops and float64${why}`,
  async () => {
    const entry = fileURLToPath(new URL('./browserSuite.ts', import.meta.url))
    const seed = Math.floor(Math.random() * 2 ** 31)
    const result = await runModuleInBrowser<BrowserSuiteResult>(browser!, entry, {
      randomPrograms: 15,
      randomNetworks: 2,
      seed,
    })
    expect(result.failures, `seed ${seed}`).toEqual([])
    expect(result.checks).toBeGreaterThan(150)
    expect(result.liveBuffers).toBe(0)
    expect(result.adapter).not.toBe('')
  },
  180_000,
)
