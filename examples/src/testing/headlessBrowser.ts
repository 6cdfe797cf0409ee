/**
 * A headless browser for tests, and modules run in it: a TypeScript file is bundled for the browser, loaded by an empty
 * page from this machine, and what its function returns comes back as JSON.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { serveFolders } from '../serving/staticServer.ts'
import { findChromium } from './chromium.ts'

export interface BrowserOptions {
  /** Whether WebGPU has an adapter (SwiftShader); default true. */
  readonly webgpu?: boolean
}

/** No services of a browser for people: no first-run pages, updates or synchronisation. */
const quiet = [
  ...['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
]

/**
 * Starts a browser; the caller closes it.
 * @throws {Error} where none can be started; the message says what is missing.
 */
export async function launchBrowser({ webgpu = true }: BrowserOptions = {}): Promise<Browser> {
  const { executable, libraries, environment } = await findChromium()
  const start = (more: Readonly<Record<string, string>>): Promise<Browser> =>
    chromium.launch({
      executablePath: executable,
      args: [...quiet, ...(webgpu ? ['--enable-unsafe-webgpu'] : ['--disable-features=WebGPU'])],
      env: { ...stringsOf(process.env), ...environment, ...more },
    })
  return start({}).catch((error: unknown) => {
    const lacksLibrary =
      error instanceof Error && error.message.includes('error while loading shared libraries')
    if (!lacksLibrary || libraries === undefined) throw error
    return start({ LD_LIBRARY_PATH: libraries })
  })
}

const stringsOf = (variables: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(variables).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  )

/** A browser if there is one, and what a test's title says otherwise. */
export interface BrowserIfAny {
  readonly browser?: Browser
  /** Empty, or ` (skipped, no browser: …)` for the end of a title. */
  readonly why: string
}

/** As `launchBrowser`, but without an error where this machine cannot run one. */
export async function tryLaunchBrowser(options?: BrowserOptions): Promise<BrowserIfAny> {
  try {
    return { browser: await launchBrowser(options), why: '' }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    // Brackets would end the reason early for whoever looks for it in the title.
    return { why: ` (skipped, no browser: ${reason.split('\n')[0].replaceAll(/[()[\]]/g, '')})` }
  }
}

/** Errors that the page itself reports, on its console or uncaught, from now on. */
export function collectErrors(page: Page): readonly string[] {
  const errors: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(error.stack ?? error.message))
  return errors
}

const emptyPage =
  '<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>test</title>'

/**
 * Bundles a module, loads it in a fresh page and calls its exported function `run`.
 *
 * @param entry path of a TypeScript file that exports `run(argument)`; workspace packages are taken from their sources.
 * @param argument and the result must survive JSON; NaN and infinities do not.
 * @throws {Error} what the module throws, with its message and stack in the browser.
 */
export async function runModuleInBrowser<Result>(
  browser: Browser,
  entry: string,
  argument: unknown = null,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'browser-module-'))
  try {
    await build({
      entryPoints: { module: entry },
      outdir: folder,
      bundle: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      conditions: ['source'],
      sourcemap: 'inline',
      logLevel: 'warning',
    })
    await writeFile(join(folder, 'index.html'), emptyPage)
    const server = await serveFolders({ '/': folder })
    const page = await browser.newPage()
    try {
      await page.goto(server.address)
      // As text: a test runner rewrites dynamic imports in functions.
      const text = await page.evaluate<string>(
        `import('./module.js').then(({ run }) => run(${JSON.stringify(argument)})).then((result) => JSON.stringify(result ?? null))`,
      )
      return JSON.parse(text) as Result
    } finally {
      await page.close()
      await server.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
