// Oracle: what a browser with and without WebGPU says of itself.
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'
import type { AdapterProbe } from './adapterProbe.ts'
import { runModuleInBrowser, tryLaunchBrowser } from './headlessBrowser.ts'

const entry = fileURLToPath(new URL('./adapterProbe.ts', import.meta.url))
const { browser, why } = await tryLaunchBrowser()
afterAll(async () => browser?.close())

describe.skipIf(browser === undefined)(`a headless browser${why}`, () => {
  it('runs a bundled module on an isolated page and brings its result back', async () => {
    const probe = await runModuleInBrowser<AdapterProbe>(browser!, entry, { a: [1, 'ü', null] })
    expect(probe.echo).toEqual({ a: [1, 'ü', null] })
    expect(probe.isolated).toBe(true)
    expect(probe.adapter).toMatch(/swiftshader/)
  })

  it('hands on the error that the module throws', async () => {
    await expect(runModuleInBrowser(browser!, entry, 'fail')).rejects.toThrow(/failed as asked/)
  })

  it('has no adapter where WebGPU is not wanted', async () => {
    const { browser: plain } = await tryLaunchBrowser({ webgpu: false })
    try {
      expect((await runModuleInBrowser<AdapterProbe>(plain!, entry)).adapter).toBeUndefined()
    } finally {
      await plain?.close()
    }
  })
})

it('a machine without a browser gets a title that says so, and no error', async () => {
  vi.stubEnv('HESSIAN_FREE_CHROMIUM', '/nowhere/chromium (old)')
  const none = await tryLaunchBrowser()
  vi.unstubAllEnvs()
  expect(none.browser).toBeUndefined()
  expect(none.why).toMatch(/^ \(skipped, no browser: [^()]*HESSIAN_FREE_CHROMIUM[^()]*chromium old[^()]*\)$/)
})
