// Makes a folder that runs `pnpm bench gpu` on a bare Linux machine with a GPU's driver: no Node, no npm, no network and
// no Vulkan loader needed there, only sh, tar and gzip.
//
//   node bench/gpu/pack/pack.mjs [folder]      default bench/gpu/pack/dist
//
// It holds run.sh, the scripts for PyTorch and JAX, and one archive: this Node, Dawn's binding, a Vulkan loader (the one
// that lies beside SwiftShader in @sparticuz/chromium), and the bundled benchmark.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'
import { build } from 'esbuild'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const ROOT = join(HERE, '..', '..', '..')
const LARGEST = 60e6

/** Where a package lies, as seen from a file of the workspace. @param {string} from @param {string} name */
function packageFolder(from, name) {
  const entry = createRequire(pathToFileURL(join(ROOT, from))).resolve(name)
  return entry.slice(0, entry.lastIndexOf(join('node_modules', name)) + join('node_modules', name).length)
}

/** Runs a command and throws with what it printed. @param {string} command @param {string[]} args */
function run(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`)
}

/** @param {string} stage */
async function bundle(stage) {
  await build({
    absWorkingDir: ROOT,
    entryPoints: ['bench/src/cli.ts'],
    outfile: join(stage, 'bench.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['source'],
    external: ['webgpu'],
    logLevel: 'warning',
  })
}

/** Dawn with the binary of this platform alone, found by the bundle's `import('webgpu')`. @param {string} stage */
function copyDawn(stage) {
  const from = packageFolder('packages/gpu-wgsl/src/index.ts', 'webgpu')
  const to = join(stage, 'node_modules', 'webgpu')
  const platform = `${process.platform}-${process.arch}`
  mkdirSync(join(to, 'dist', platform), { recursive: true })
  for (const name of ['package.json', 'index.js', 'LICENSE.md', join('dist', platform, 'dawn.node')]) {
    copyFileSync(join(from, name), join(to, name))
  }
}

/** The loader and, for proofs without a GPU, SwiftShader. @param {string} stage */
function copyLoader(stage) {
  const archive = join(packageFolder('package.json', '@sparticuz/chromium'), 'bin', 'swiftshader.tar.br')
  const scratch = mkdtempSync(join(tmpdir(), 'hessian-free-pack-'))
  writeFileSync(join(scratch, 'swiftshader.tar'), brotliDecompressSync(readFileSync(archive)))
  mkdirSync(join(stage, 'lib'))
  mkdirSync(join(stage, 'swiftshader'))
  run('tar', ['-xf', join(scratch, 'swiftshader.tar'), '-C', scratch])
  for (const path of readdirSync(scratch, { recursive: true, encoding: 'utf8' })) {
    if (path.endsWith('libvulkan.so.1'))
      copyFileSync(join(scratch, path), join(stage, 'lib', 'libvulkan.so.1'))
    if (/vk_swiftshader/.test(path)) {
      copyFileSync(join(scratch, path), join(stage, 'swiftshader', path.split('/').at(-1) ?? path))
    }
  }
  rmSync(scratch, { recursive: true })
}

/** Bytes of all files in a folder. @param {string} folder @returns {number} */
const bytesIn = (folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => statSync(join(folder, path)))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0)

/** @param {string} target */
async function pack(target) {
  if (process.platform !== 'linux')
    throw new Error('the pack holds this Node and is for Linux: make it there')
  const stage = mkdtempSync(join(tmpdir(), 'hessian-free-stage-'))
  await bundle(stage)
  copyDawn(stage)
  copyLoader(stage)
  copyFileSync(process.execPath, join(stage, 'node'))
  chmodSync(join(stage, 'node'), 0o755)

  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  // gzip and not xz: a bare machine has the one and often not the other, and the size allows it.
  run('tar', ['-I', 'gzip -9', '-cf', join(target, 'bench.tar.gz'), '-C', stage, '.'])
  copyFileSync(join(HERE, 'run.sh'), join(target, 'run.sh'))
  chmodSync(join(target, 'run.sh'), 0o755)
  cpSync(join(dirname(dirname(HERE)), 'gpu', 'peers'), join(target, 'peers'), {
    recursive: true,
    filter: (path) => !path.includes('__pycache__'),
  })
  rmSync(stage, { recursive: true })
  const bytes = bytesIn(target)
  console.log(`${target}: ${(bytes / 1e6).toFixed(1)} MB. Copy it to the machine and run run.sh there.`)
  if (bytes > LARGEST) throw new Error(`the pack must stay under ${LARGEST / 1e6} MB`)
}

const [folder = join(HERE, 'dist'), ...surplus] = process.argv.slice(2)
if (folder.startsWith('-') || surplus.length > 0) {
  console.error('Usage: node bench/gpu/pack/pack.mjs [folder]')
  process.exit(folder === '--help' || folder === '-h' ? 0 : 2)
}
await pack(resolve(folder))
