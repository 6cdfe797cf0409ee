// Bundles an application of the workspace (the hf command, the server of the page, the benchmarks) from its TypeScript
// and runs it here.
//
// Workspace packages are bundled from their sources through the "source" export condition, so an edit anywhere is
// in the next run without a build; packages from the registry stay imports. A bundle takes some tens of
// milliseconds, which is why nothing tries to guess whether one is stale: the file is only touched when its
// content differs.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * The benchmarks' bundle lies among the peers, so that imports of those resolve to the peers' own node_modules.
 *
 * @type {Record<string, { entry: string, outdir: string }>}
 */
const APPLICATIONS = {
  hf: { entry: 'examples/src/cli.ts', outdir: 'examples/dist' },
  browser: { entry: 'examples/src/serving/cli.ts', outdir: 'examples/dist' },
  bench: { entry: 'bench/src/cli.ts', outdir: 'bench/peers/dist' },
}

/** @type {import('esbuild').Plugin} */
const registryPackagesStayOutside = {
  name: 'registry-packages-stay-outside',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('@hessian-free/') ? undefined : { path, external: true },
    )
  },
}

/**
 * Bundles an application.
 *
 * @param {string} name - a key of `APPLICATIONS`
 * @returns {Promise<string>} the path of the module to run
 */
export async function bundleApplication(name) {
  const { entry, outdir } = APPLICATIONS[name]
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: { [name]: entry },
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['source'],
    plugins: [registryPackagesStayOutside],
    sourcemap: 'linked',
    chunkNames: 'chunks/[name]-[hash]',
    write: false,
    logLevel: 'warning',
  })
  for (const { path, contents } of outputFiles) writeWhenDifferent(path, contents)
  return join(ROOT, outdir, `${name}.js`)
}

/**
 * Bundles an application and runs it in this process, as if Node had been started on it.
 *
 * @param {string} name
 * @param {readonly string[]} applicationArguments
 */
export async function runApplication(name, applicationArguments) {
  const module = await bundleApplication(name)
  process.argv = [process.execPath, module, ...applicationArguments]
  process.setSourceMapsEnabled(true)
  await import(pathToFileURL(module).href)
}

/**
 * Replaces a file at once, so that a run that is loading it sees the old one or the new one and never a half.
 *
 * @param {string} path
 * @param {Uint8Array} contents
 */
function writeWhenDifferent(path, contents) {
  try {
    if (readFileSync(path).equals(contents)) return
  } catch {
    mkdirSync(dirname(path), { recursive: true })
  }
  const partial = `${path}.${process.pid}`
  writeFileSync(partial, contents)
  renameSync(partial, path)
}
