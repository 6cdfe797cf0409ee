/** In a real browser, Chromium from npm: Node has no IndexedDB. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import chromium from '@sparticuz/chromium'
import { build } from 'esbuild'
import type { Browser } from 'playwright-core'
import { chromium as launcher } from 'playwright-core'
import { afterAll, describe, expect, it } from 'vitest'
import { indexedDbTuningCache } from './indexedDbTuningCache.ts'

async function launch(): Promise<Browser | undefined> {
  try {
    return await launcher.launch({
      executablePath: await chromium.executablePath(),
      args: ['--no-sandbox'],
    })
  } catch {
    return undefined
  }
}

const browser = await launch()
const server = createServer((_, response) => {
  response.setHeader('content-type', 'text/html').end('<!doctype html>')
})

afterAll(async () => {
  await browser?.close()
  server.close()
})

it('where IndexedDB refuses, choices last as long as the page, with a warning', async () => {
  const warnings: string[] = []
  const cache = indexedDbTuningCache({
    factory: {
      open: () => {
        throw new Error('refused')
      },
    } as unknown as IDBFactory,
    onWarning: (message) => warnings.push(message),
  })
  expect(await cache.get('a')).toBeUndefined()
  await cache.set('a', 'tiled')
  expect(await cache.get('a')).toBe('tiled')
  expect(warnings[0]).toMatch(/refused/)
})

describe.skipIf(browser === undefined)('in a browser (skipped where none starts)', () => {
  it('choices outlive the page, and another adapter finds none', async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { outputFiles } = await build({
      entryPoints: [`${import.meta.dirname}/indexedDbTuningCache.ts`],
      bundle: true,
      format: 'iife',
      globalName: 'tuning',
      write: false,
    })
    const context = await browser!.newContext()
    const visit = async (script: string): Promise<unknown> => {
      const page = await context.newPage()
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
      await page.addScriptTag({ content: outputFiles[0].text })
      const result: unknown = await page.evaluate(script)
      await page.close()
      return result
    }
    const open = 'const cache = tuning.indexedDbTuningCache({ onWarning: (message) => { throw message } });'
    await visit(`(async () => { ${open} await cache.set('a', 'direct'); await cache.set('a', 'tiled') })()`)
    expect(
      await visit(`(async () => { ${open} return [await cache.get('a'), await cache.get('b') ?? null] })()`),
    ).toEqual(['tiled', null])
  })
})
