// Builds the four packages: ES module bundles by esbuild and type declarations by the compiler.
//
//   node scripts/build.mjs          bundles, declarations, and a look at the result
//   node scripts/build.mjs --fast   bundles only
//
// The entry points of one package are bundled together with shared chunks: an error class that `.` and `./testing`
// both use must stay one class. Packages stay external to each other, and the compiler meets a lower package
// through its built declarations, as a user would.

import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const COMPILER = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')

const PACKAGES = ['tensor', 'autodiff', 'gpu-wgsl', 'hf']

/**
 * @typedef {{ source: string, types: string, default: string }} EntryPoint
 * @typedef {{ name: string, exports: Record<string, EntryPoint> }} Manifest
 */

/** @param {string} name @returns {Manifest} */
function readManifest(name) {
  return JSON.parse(readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8'))
}

/**
 * Bundles every entry point that the package's `exports` lists.
 *
 * @param {string} name
 */
async function bundlePackage(name) {
  const folder = join(ROOT, 'packages', name)
  const { exports } = readManifest(name)
  // Their names carry a digest, so those of earlier builds would pile up.
  rmSync(join(folder, 'dist', 'chunks'), { recursive: true, force: true })
  const { metafile } = await build({
    absWorkingDir: folder,
    entryPoints: Object.values(exports).map((entry) => entry.source),
    outbase: 'src',
    outdir: 'dist',
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    packages: 'external',
    sourcemap: 'linked',
    metafile: true,
    logLevel: 'warning',
  })
  for (const [subpath, entry] of Object.entries(exports)) {
    if (subpath !== './node')
      refuseNodeModules(metafile, entry.default.replace('./', ''), `${name} ${subpath}`)
  }
}

/**
 * Follows the bundle's imports from one output and throws where a module of Node's is reached.
 *
 * @param {import('esbuild').Metafile} metafile
 * @param {string} output
 * @param {string} entryName
 */
function refuseNodeModules(metafile, output, entryName) {
  const seen = new Set([output])
  for (const path of seen) {
    for (const imported of metafile.outputs[path].imports) {
      if (!imported.external) seen.add(imported.path)
      else if (imported.path.startsWith('node:')) {
        throw new Error(`${entryName} must run in a browser, but reaches ${imported.path} through ${path}.`)
      }
    }
  }
}

/** Emits the declarations of all packages; the compiler follows their references and skips what is up to date. */
function emitDeclarations() {
  const projects = PACKAGES.map((name) => join('packages', name, 'tsconfig.build.json'))
  const { status } = spawnSync(process.execPath, [COMPILER, '-b', ...projects], {
    cwd: ROOT,
    stdio: 'inherit',
  })
  if (status !== 0) {
    console.error('No declarations: the compiler refused the packages (see above).')
    process.exit(1)
  }
}

/** Loads each built entry point by its file, as proof that it is a module that Node accepts. */
async function loadEntryPoints() {
  for (const name of PACKAGES) {
    for (const entry of Object.values(readManifest(name).exports)) {
      await import(pathToFileURL(join(ROOT, 'packages', name, entry.default)).href)
      readFileSync(join(ROOT, 'packages', name, entry.types))
    }
  }
}

/** Multiplies on two threads with the built package, as proof that a worker's source survives bundling. */
async function computeOnThreads() {
  const { createWasmBackend, jit, tensor } = await import(
    pathToFileURL(join(ROOT, 'packages', 'tensor', 'dist', 'index.js')).href
  )
  const backend = createWasmBackend({ threads: 2 })
  const square = jit((/** @type {{ dot(other: object): object }} */ x) => x.dot(x))
  const x = tensor(new Float32Array(256 * 256).fill(0.5), { shape: [256, 256], backend })
  square(x).dispose()
  await backend.synchronize()
  square(x).dispose()
  const { threads, sharedRuns, reason } = backend.threadUse
  backend.dispose()
  if (threads !== 2 || sharedRuns !== 1) {
    throw new Error(`The built package computes on ${threads} threads, ${sharedRuns} runs shared: ${reason}`)
  }
}

const fast = process.argv.includes('--fast')
const started = performance.now()
await Promise.all(PACKAGES.map(bundlePackage))
if (!fast) {
  emitDeclarations()
  await loadEntryPoints()
  await computeOnThreads()
}
const seconds = ((performance.now() - started) / 1000).toFixed(1)
console.log(`Built ${PACKAGES.join(', ')}${fast ? ' (bundles only)' : ''} in ${seconds} s`)
