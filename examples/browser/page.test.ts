/**
 * The page in a real headless browser. Oracles: the same run in Node, the MNIST files themselves, and what the page
 * promises in words.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWasmBackend } from '@hessian-free/tensor'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { mnistDirectory, readMnist } from '../src/data/mnistFolder.ts'
import { mnistAutoencoder } from '../src/examples/mnistAutoencoder.ts'
import { buildPage } from '../src/serving/buildPage.ts'
import { serveFolders } from '../src/serving/staticServer.ts'
import type { StaticServer } from '../src/serving/staticServer.ts'
import { collectErrors, tryLaunchBrowser } from '../src/testing/headlessBrowser.ts'
import { createOptimiser } from '../src/training/trainingRun.ts'

const { browser, why } = await tryLaunchBrowser()

let folder = ''
let server: StaticServer
let page: Page
let errors: readonly string[] = []
let expectedLosses: readonly number[] = []
beforeAll(async () => {
  expectedLosses = await lossesInNode()
  folder = await mkdtemp(join(tmpdir(), 'page-'))
  await buildPage(folder)
  server = await serveFolders({ '/': folder, '/mnist': mnistDirectory() })
})
afterEach(async () => {
  await page?.close()
})
afterAll(async () => {
  await server?.close()
  await browser?.close()
  await rm(folder, { recursive: true, force: true })
})

async function open(query: string, from = server, on = browser!): Promise<void> {
  page = await on.newPage()
  errors = collectErrors(page)
  await page.goto(`${from.address}?${query}`)
}
const press = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click()
const waitForStatus = (pattern: RegExp): Promise<void> =>
  page.locator('#status', { hasText: pattern }).waitFor({ timeout: 50_000 })
const waitForRows = (count: number): Promise<void> =>
  page.locator(`#step-rows tr:nth-child(${count})`).waitFor({ state: 'attached', timeout: 50_000 })
/** The columns of the table from the first step to the last; at once, because a run that goes on inserts rows. */
const rows = async (): Promise<string[][]> => {
  const newestFirst = await page
    .locator('#step-rows tr')
    .evaluateAll((elements) =>
      elements.map((row) => Array.from(row.querySelectorAll('td'), ({ textContent }) => textContent ?? '')),
    )
  return newestFirst.reverse()
}

const heldOutLosses = (steps: readonly (readonly string[])[]): number[] =>
  steps.map((step) => Number(step[2]))

/** Engines choose among matrix kernels by timing them, so sums may be rounded differently. */
function expectNear(losses: readonly number[], expected: readonly number[]): void {
  expect(losses).toHaveLength(expected.length)
  losses.forEach((loss, i) => expect(Math.abs(loss / expected[i] - 1), `step ${i + 1}`).toBeLessThan(1e-3))
}

/** Held-out losses of the first steps of the tiny preset in Node. */
async function lossesInNode(): Promise<number[]> {
  const backend = createWasmBackend()
  const preset = mnistAutoencoder.presets.tiny
  const prepared = await mnistAutoencoder.prepare(preset, backend, 0, readMnist)
  const settings = { preconditioner: 'lbfgs', pairs: 32, sampling: 'geometric', seed: 0 } as const
  const run = createOptimiser(prepared, preset, settings).minimise(prepared.initial, {
    ...prepared,
    iterations: 4,
  })
  const losses: number[] = []
  for await (const step of run) losses.push(step.heldOutLoss)
  run.dispose()
  backend.dispose()
  return losses
}

/** Alpha of the canvases at these positions, one array each. */
const inkOf = (positions: readonly number[]): Promise<number[][]> =>
  page.evaluate((wanted) => {
    const canvases = document.querySelectorAll<HTMLCanvasElement>('#digits canvas')
    return wanted.map((i) => {
      const { data } = canvases[i].getContext('2d')!.getImageData(0, 0, 28, 28)
      return Array.from({ length: 784 }, (_, pixel) => data[4 * pixel + 3])
    })
  }, positions)

describe.skipIf(browser === undefined)(`the page${why}`, () => {
  it('loads without complaint, with a label for every control, and fits a phone', async () => {
    await open('')
    await waitForStatus(/^Ready/)
    for (const label of ['Preset', 'Preconditioner', 'Backend', 'Threads', 'Iterations', 'Seconds', 'Work']) {
      expect(await page.getByLabel(label, { exact: true }).count(), label).toBe(1)
    }
    expect(await page.getByRole('button', { name: 'Reset' }).isDisabled()).toBe(true)
    await page.setViewportSize({ width: 375, height: 700 })
    const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    expect(content).toBe(window)
    expect(errors).toEqual([])
  })

  it('trains on WebAssembly to the losses of Node, and shows steps, curves and digits', async () => {
    await open('preset=tiny&backend=wasm&iterations=4&threads=2')
    await press('Start')
    await waitForStatus(/^Finished after 4 iterations/)
    const steps = await rows()
    expect(steps.map(([iteration]) => Number.parseInt(iteration))).toEqual([1, 2, 3, 4])
    expectNear(heldOutLosses(steps), expectedLosses)

    expect(await page.locator('#device').textContent()).toBe('Computing with WebAssembly on 2 threads')
    expect(await page.locator('#notice').isVisible()).toBe(false)
    expect(await page.locator('#threads-hint').isVisible()).toBe(false)
    const against = async (): Promise<string | null> => {
      await page.waitForTimeout(250)
      return page.locator('#chart-loss svg').getAttribute('aria-label')
    }
    expect(await against()).toMatch(/held-out loss: .* in iteration 1, .* in iteration 4/)
    for (const chart of ['loss', 'model', 'solver', 'damping', 'samples']) {
      const drawn = await page
        .locator(`#chart-${chart} svg [aria-label="line"] path`)
        .first()
        .getAttribute('d')
      expect(drawn?.match(/[ML]/g)?.length, chart).toBeGreaterThan(chart === 'model' ? 1 : 3)
    }
    const axis = (): Promise<string | null> =>
      page.locator('#chart-loss svg [aria-label="x-axis label"]').textContent()
    expect(await axis()).toBe('seconds of training')
    await page.getByText('Work', { exact: true }).click()
    expect(await axis()).toMatch(/^work/)

    const { images } = await readMnist('test')
    const [original, reconstruction, lastOriginal] = await inkOf([0, 1, 22])
    const ink = (digit: number): number[] =>
      Array.from(images.data.subarray(digit * 784, (digit + 1) * 784), (pixel) => Math.round(255 * pixel))
    expect(original).toEqual(ink(0))
    expect(lastOriginal).toEqual(ink(11))
    expect(new Set(reconstruction).size).toBeGreaterThan(50)

    await page.getByLabel('Threads').fill('1')
    await page.getByLabel('Iterations', { exact: true }).fill('2')
    await press('Start again')
    await waitForStatus(/^Finished after 2 iterations/)
    expect(await page.locator('#device').textContent()).toBe('Computing with WebAssembly on one thread')
    const timeless = (of: readonly (readonly string[])[]) => of.map((row) => row.filter((_, i) => i !== 10))
    expect(timeless(await rows())).toEqual(timeless(steps.slice(0, 2)))
    expect(errors).toEqual([])
  })

  it.each([
    ['within an iteration, where memory is shared', true],
    ['after the iteration, where the page is not isolated', false],
  ])('pauses %s, goes on, and forgets everything at a reset', async (_, isolated) => {
    const other = await serveFolders({ '/': folder, '/mnist': mnistDirectory() }, { isolated })
    try {
      await open('preset=tiny&backend=wasm&iterations=1000&threads=2', other)
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(isolated)
      expect(await page.getByLabel('Threads').isEnabled()).toBe(isolated)
      expect(await page.locator('#threads-hint').isVisible()).toBe(!isolated)
      await press('Start')
      await waitForRows(2)
      const notice = page.locator('#notice')
      if (isolated) expect(await notice.isVisible()).toBe(false)
      else
        expect(await notice.textContent()).toMatch(
          /^WebAssembly has one thread: .* not cross-origin isolated/,
        )
      await press('Pause')
      await waitForStatus(/^Paused after \d+ iterations/)
      // The run's own worker, and where memory is shared that of its second thread.
      expect(page.workers()).toHaveLength(isolated ? 2 : 1)
      const paused = await rows()
      await page.waitForTimeout(500)
      expect(await rows()).toEqual(paused)
      await press('Resume')
      await waitForRows(paused.length + 2)
      // Half a second of pause is not in the seconds of the steps.
      const secondsOf = (row: readonly string[]): number => Number(row[10])
      const after = await rows()
      const longest = Math.max(
        ...after
          .slice(0, paused.length)
          .map((row, i) => secondsOf(row) - (i === 0 ? 0 : secondsOf(after[i - 1]))),
      )
      expect(secondsOf(after[paused.length]) - secondsOf(paused[paused.length - 1])).toBeLessThan(
        longest + 0.4,
      )
      await press('Reset')
      await waitForStatus(/^Ready/)
      expect(await rows()).toEqual([])
      expect(await page.locator('#digits canvas').count()).toBe(0)
      expect(errors).toEqual([])
    } finally {
      await page.close()
      await other.close()
    }
  })

  it('pauses in the middle of conjugate gradients, and stays responsive while it trains', async () => {
    await open('preset=small&backend=wasm')
    await press('Start')
    await page.waitForFunction(
      () => {
        const isSolving = document.getElementById('phase-name')?.textContent === 'Conjugate gradients'
        if (isSolving) document.getElementById('primary')?.click()
        return isSolving
      },
      undefined,
      { polling: 'raf', timeout: 50_000 },
    )
    await waitForStatus(/^Paused after 0 iterations/)
    const detail = (): Promise<string | null> => page.locator('#phase-detail').textContent()
    const paused = await detail()
    await page.waitForTimeout(300)
    expect(await detail()).toBe(paused)
    await press('Resume')
    const gaps = await page.evaluate(async () => {
      const times: number[] = []
      while (times.length < 120) times.push(await new Promise(requestAnimationFrame))
      return times.slice(1).map((time, i) => time - times[i])
    })
    // Nine of ten frames: other work on this machine may hold up some.
    expect(gaps.sort((a, b) => a - b)[Math.floor(0.9 * gaps.length)]).toBeLessThan(100)
    expect(await detail()).not.toBe(paused)
    expect(errors).toEqual([])
  })

  it('says in words that its data are not served', async () => {
    const bare = await serveFolders({ '/': folder })
    try {
      await open('preset=tiny&backend=wasm', bare)
      await press('Start')
      const alert = page.getByRole('alert')
      await alert.waitFor()
      expect(await alert.textContent()).toMatch(
        /The run stopped\..*train-images.*HTTP status 404.*Reload the page/s,
      )
      expect(await page.getByRole('button', { name: 'Start again' }).isEnabled()).toBe(true)
    } finally {
      await page.close()
      await bare.close()
    }
  })
})

describe.skipIf(browser === undefined)(`WebGPU on the page${why}`, () => {
  it('trains on SwiftShader where it is asked for, to the losses of Node, and goes on when the device is lost', async () => {
    await open('preset=tiny&backend=gpu&iterations=1000')
    await press('Start')
    await waitForRows(1)
    expect(await page.locator('#device').textContent()).toMatch(/^Computing with WebGPU on .*swiftshader/i)
    expect(await page.locator('#notice').textContent()).toMatch(/only emulated .* WebAssembly is faster/)
    expectNear(heldOutLosses(await rows()).slice(0, 1), expectedLosses.slice(0, 1))
    expect(errors).toEqual([])

    const session = await browser!.newBrowserCDPSession()
    await session.send('Browser.crashGpuProcess')
    const notice = page.locator('#notice', {
      hasText: 'The graphics device was lost; the run went on from iteration',
    })
    await notice.waitFor({ timeout: 50_000 })
    const next = (await rows()).length + 1
    await waitForRows(next)
    expect((await rows()).slice(0, next).map(([iteration]) => Number.parseInt(iteration))).toEqual(
      Array.from({ length: next }, (_, i) => i + 1),
    )
    await session.detach()
  }, 120_000)

  it('gives way to WebAssembly without an adapter, and says so; insisting on it fails with the remedy', async () => {
    const { browser: plain } = await tryLaunchBrowser({ webgpu: false })
    try {
      await open('preset=tiny&backend=auto', server, plain)
      await press('Start')
      await waitForStatus(/^Finished/)
      expect(await page.locator('#notice').textContent()).toMatch(
        /^This browser .*WebGPU.*, so training runs in WebAssembly on the processor\.$/,
      )
      await page.getByLabel('Backend').selectOption('gpu')
      await press('Start again')
      await page.getByRole('alert').waitFor()
      expect(await page.getByRole('alert').textContent()).toMatch(/WebGPU.*choose the backend "Automatic"/s)
      expect(errors).toEqual([])
    } finally {
      await plain?.close()
    }
  })
})
