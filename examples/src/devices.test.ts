/**
 * The GPU on the command line: on a machine whose environment hides every Vulkan driver, without the optional package
 * that holds Dawn, and on SwiftShader, in processes of their own that have to end by themselves.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundleApplication } from '../../scripts/application.mjs'
import { formatDevices } from './devices.ts'
import { runHf } from './testing/runHf.ts'

let tool = ''
let folder = ''
beforeAll(async () => {
  tool = await bundleApplication('hf')
  folder = mkdtempSync(join(tmpdir(), 'hf-devices-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const resolves = (name: string): boolean => {
  try {
    return createRequire(import.meta.url).resolve(name) !== ''
  } catch {
    return false
  }
}
const onLinux = process.platform === 'linux'
const hasDawn = resolves('webgpu')
const hasSwiftShader = process.arch === 'x64' && resolves('@sparticuz/chromium')
/** No driver of the system is found with this, whatever the machine has. */
const noDrivers = { VK_DRIVER_FILES: '/nowhere/driver.json', VK_ICD_FILENAMES: '/nowhere/driver.json' }
const tiny = (name: string): readonly string[] => [
  ...['train', 'mnist-autoencoder', '--preset', 'tiny', '--iterations', '1', '--out', folder, '--name', name],
]

describe.runIf(onLinux && hasDawn)('without a GPU driver (needs Linux and the package webgpu)', () => {
  const options = { environment: noDrivers }

  it('hf devices says what is missing and how to get it, and ends with 0', async () => {
    const { code, stdout, stderr } = await runHf(tool, ['devices'], options)
    expect(stdout).toMatch(/^Processor: .*\n {2}the wasm backend computes on \d+ thread/)
    expect(stdout).toMatch(/^No adapters/m)
    expect(stdout).toMatch(/names the Vulkan driver \/nowhere\/driver\.json, which does not exist/)
    expect(stdout).toMatch(/→ Correct or unset VK_DRIVER_FILES/)
    expect(stderr).toBe('')
    expect(code).toBe(0)
  })

  it('hf devices --json says the same to programs', async () => {
    const { code, stdout } = await runHf(tool, ['devices', '--json'], options)
    const { processor, adapters, missing } = JSON.parse(stdout) as {
      processor: { cores: number; wasm: { threads: number } }
      adapters: unknown[]
      missing: { kind: string }[]
    }
    expect(processor.wasm.threads).toBe(Math.min(processor.cores, 64))
    expect(adapters).toEqual([])
    expect(missing.map(({ kind }) => kind)).toContain('manifest-missing')
    expect(code).toBe(0)
  })

  it('--backend gpu ends with 1 and the remedy, and writes no run', async () => {
    const { code, stdout, stderr } = await runHf(tool, [...tiny('none'), '--backend', 'gpu'], options)
    expect(stderr).toMatch(/must offer a hardware GPU; found none[^]*Correct or unset VK_DRIVER_FILES/)
    expect(stderr).not.toMatch(/^ {4}at |^Warning/m)
    expect(stdout).toBe('')
    expect(code).toBe(1)
    expect(readdirSync(folder)).not.toContain('none')
  })

  it('--backend auto computes on wasm and does not mention it', async () => {
    const { code, stdout, stderr } = await runHf(tool, tiny('auto'), options)
    expect(stdout).toMatch(/wasm backend/)
    expect(stderr).toBe('')
    expect(code).toBe(0)
  })
})

describe('without the optional package webgpu', () => {
  let bare = ''
  beforeAll(() => {
    // The bundle where it sees all that it sees in its own place but this package.
    bare = join(folder, 'bare')
    const modules = join(dirname(dirname(tool)), 'node_modules')
    cpSync(dirname(tool), join(bare, 'dist'), { recursive: true })
    mkdirSync(join(bare, 'node_modules'))
    for (const name of readdirSync(modules).filter((entry) => entry !== 'webgpu' && !entry.startsWith('.'))) {
      symlinkSync(join(modules, name), join(bare, 'node_modules', name))
    }
  })

  it('hf devices and --backend gpu say that it is not installed', async () => {
    const hidden = { environment: { NODE_PATH: '' } }
    const devices = await runHf(join(bare, 'dist', 'hf.js'), ['devices'], hidden)
    expect(devices.stdout).toMatch(/webgpu, which holds Dawn, is not installed[^]*npm install webgpu/)
    expect(devices.code).toBe(0)
    const training = await runHf(join(bare, 'dist', 'hf.js'), [...tiny('bare'), '--backend', 'gpu'], hidden)
    expect(training.stderr).toMatch(/npm install webgpu/)
    expect(training.stderr).not.toMatch(/^ {4}at /m)
    expect(training.code).toBe(1)
  })
})

describe.runIf(onLinux && hasDawn && hasSwiftShader)(
  'with --adapter software (needs Linux on x64 with webgpu and @sparticuz/chromium)',
  () => {
    const software = ['--adapter', 'software']

    it('hf devices shows SwiftShader where the system has no driver', async () => {
      const { code, stdout, stderr } = await runHf(tool, ['devices', ...software], { environment: noDrivers })
      expect(stdout).toMatch(/^SwiftShader.*: software/m)
      expect(stdout).toMatch(/maxStorageBufferBindingSize[^]*features .*subgroups/)
      expect(stderr).toBe('')
      expect(code).toBe(0)
    })

    it('a training ends with its files written, on the gpu backend', async () => {
      const { code, stdout, stderr } = await runHf(tool, [...tiny('gpu'), '--backend', 'gpu', ...software], {
        environment: noDrivers,
      })
      expect(stderr).toBe('')
      expect(stdout).toMatch(/gpu backend/)
      expect(stdout).toMatch(/All iterations done after 1 iteration/)
      expect(code).toBe(0)
      expect(readdirSync(join(folder, 'gpu')).sort()).toEqual([
        'log.jsonl',
        'parameters.safetensors',
        'report.html',
      ])
      expect(stdout).toMatch(/gpu backend on .*SwiftShader/)
      expect(readFileSync(join(folder, 'gpu', 'report.html'), 'utf8')).toMatch(
        /<td>device<.td><td>.*SwiftShader/,
      )
    })

    it('Ctrl-C ends a step on the gpu backend within seconds, and keeps what was done', async () => {
      let sentAt = 0
      const commandLine = ['--iterations', '100', '--backend', 'gpu', ...software]
      const { code, stdout } = await runHf(tool, [...tiny('stopped'), ...commandLine], {
        environment: noDrivers,
        whenPrinting: (printed, child) => {
          // The heading is printed as the first step begins.
          if (sentAt > 0 || !printed.includes('train loss')) return
          sentAt = performance.now()
          child.kill('SIGINT')
        },
      })
      expect(performance.now() - sentAt).toBeLessThan(20_000)
      expect(stdout).toMatch(/Stopped by Ctrl-C after 0 iterations/)
      expect(code).toBe(0)
      expect(readdirSync(join(folder, 'stopped'))).toContain('parameters.safetensors')
    })
  },
)

it('a GPU with matrix units is shown with their shapes', () => {
  const text = formatDevices(
    [
      {
        ...{ name: 'GPU 1', vendor: 'nvidia', architecture: 'hopper', description: '580.1', software: false },
        ...{ features: ['subgroups'], limits: { maxBufferSize: 4096 } },
        subgroupSizes: { minimum: 32, maximum: 64 },
        matrixShapes: [{ componentType: 'f16', resultComponentType: 'f32', rows: 16, columns: 8, depth: 4 }],
      },
    ],
    [],
  )
  expect(text.split('\n')).toEqual([
    'GPU 1: hardware',
    '  vendor nvidia, architecture hopper, driver 580.1',
    '  subgroups of 32 to 64 invocations',
    '  matrix products in hardware: 16×8×4 f16→f32',
    '  limits',
    '            4096  bytes in a buffer (maxBufferSize)',
    '  features subgroups',
  ])
})
