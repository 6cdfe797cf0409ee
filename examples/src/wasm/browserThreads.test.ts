// Threads of the wasm backend inside a real headless browser.
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { runModuleInBrowser, tryLaunchBrowser } from '../testing/headlessBrowser.ts'
import type { BrowserThreads } from './browserThreads.ts'

const { browser, why } = await tryLaunchBrowser({ webgpu: false })
afterAll(() => browser?.close())

it.skipIf(browser === undefined)(
  `in a worker of an isolated page a team computes the bits of one thread; the page itself computes alone and says why${why}`,
  async () => {
    const entry = fileURLToPath(new URL('./browserThreads.ts', import.meta.url))
    const { onPage, inWorker, differences, elements } = await runModuleInBrowser<BrowserThreads>(
      browser!,
      entry,
    )
    expect(onPage.threads).toBe(1)
    expect(onPage.reason).toMatch(/main thread may not wait/)
    // The first run is alone, the later ones are shared.
    expect(inWorker).toEqual({ threads: 2, sharedRuns: 2 })
    expect(elements).toBe(3 * (301 * 203 + 257 * 203 + 1))
    expect(differences).toBe(0)
  },
  60_000,
)
