// The numerics of float16 and of subgroup matrices ("tensor cores") on Mesa's lavapipe, against float64.
//
//   node bench/gpu/lavapipe/check.mjs FOLDER
//
// FOLDER takes the driver (about 390 MB, of which 61 MB are downloaded; install.sh beside this file says what). Prints the
// largest errors beside their bounds, and exits with 1 where one is exceeded, with 2 where the device lacks the features.
//
// The driver needs a newer C library than the system may have, so the check runs in a second Node that the private
// dynamic loader starts inside the private libraries; esbuild makes one plain module of the TypeScript for it.

import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const PACKAGE = fileURLToPath(new URL('../../../packages/gpu-wgsl', import.meta.url))
const folder = process.argv[2]
if (folder === undefined) {
  console.error('Usage: node bench/gpu/lavapipe/check.mjs FOLDER')
  process.exit(2)
}

/** @param {string} command @param {string[]} parameters @param {Record<string, string>} environment */
function run(command, parameters, environment = {}) {
  const { status, error } = spawnSync(command, parameters, {
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  })
  if (error) throw error
  return status ?? 1
}

if (run('bash', [join(HERE, 'install.sh'), folder]) !== 0) process.exit(2)
const root = join(resolve(folder), 'root')

const bundle = join(resolve(folder), 'check.mjs')
await build({
  stdin: {
    contents: `
      import { createDawn } from './node/dawn.ts'
      import { requestDevice } from './device/requestDevice.ts'
      import { float16MatrixUnit } from './matrix/subgroupMatrixTiling.ts'
      import { checkMatrixUnits } from './testing/matrixUnitCheck.ts'

      const { device, capabilities } = await requestDevice(await createDawn({ backend: 'vulkan' }))
      console.log(capabilities.adapterName)
      const unit = float16MatrixUnit(capabilities)
      if (unit === undefined) {
        console.error('No subgroup matrices of float16 on this device.')
        process.exit(2)
      }
      const { rows, columns, depth } = unit.shape
      console.log(\`fragments of \${rows} × \${columns} × \${depth}, subgroups of \${unit.subgroupSize}\`)
      let [count, exceeded] = [0, 0]
      await checkMatrixUnits(device, capabilities, ({ name, error, shareOfBound }) => {
        count++
        if (!(shareOfBound <= 1)) exceeded++
        console.log(\`\${shareOfBound <= 1 ? 'ok  ' : 'FAIL'} \${error.toExponential(2).padStart(8)} = \${shareOfBound.toFixed(3)} of the bound  \${name}\`)
      })
      console.log(exceeded === 0 ? \`All \${count} within their bounds.\` : \`\${exceeded} of \${count} exceed their bounds.\`)
      device.destroy()
      process.exit(exceeded === 0 ? 0 : 1)
    `,
    resolveDir: join(PACKAGE, 'src'),
    loader: 'ts',
  },
  outfile: bundle,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['source'],
  logLevel: 'warning',
  // Dawn is looked up from the package's folder, not from the bundle's.
  define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(PACKAGE, 'package.json')).href) },
  external: ['webgpu'],
})

const libraries = join(root, 'libraries')
const loader = join(libraries, 'ld-linux-x86-64.so.2')
process.exit(
  run(loader, ['--library-path', libraries, process.execPath, bundle], {
    VK_DRIVER_FILES: join(root, 'lavapipe.json'),
    XDG_RUNTIME_DIR: root,
    // Compiled shaders are kept beside the driver, not among the user's.
    MESA_SHADER_CACHE_DIR: join(root, 'cache'),
  }),
)
