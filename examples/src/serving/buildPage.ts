/**
 * The page of the browser example as static files: page, worker and what they share as ES modules, style and document.
 */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** The folder `examples`, from the sources as well as from a bundle in `examples/dist`: the nearest with a manifest. */
function examplesFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

export const defaultPageFolder = (): string => join(examplesFolder(), 'dist', 'browser')

/**
 * Builds the page anew.
 * @param folder is emptied first.
 * @throws {Error} esbuild's, which names the place, if a source cannot be bundled.
 */
export async function buildPage(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await build({
    absWorkingDir: join(examplesFolder(), 'browser'),
    entryPoints: ['page.ts', 'worker.ts', 'style.css', 'index.html'],
    loader: { '.html': 'copy' },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
    conditions: ['source'],
    minify: true,
    sourcemap: 'linked',
    chunkNames: 'chunks/[name]-[hash]',
    logLevel: 'warning',
  })
}
