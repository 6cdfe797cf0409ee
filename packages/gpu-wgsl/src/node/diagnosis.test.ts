/**
 * Each broken installation laid out as a table of files, with the messages that Dawn and the Vulkan loader print in that
 * case (recorded from webgpu 0.6.2), and what the reader is told.
 */
import { describe, expect, it } from 'vitest'
import { fakeMachine, manifestOf } from '../testing/fakeMachine.ts'
import type { FakeMachine } from '../testing/fakeMachine.ts'
import type { AdapterDescription, AdapterSurvey } from './adapters.ts'
import { diagnose } from './diagnosis.ts'
import { formatFindings } from './finding.ts'
import type { Finding } from './finding.ts'

const adapter = (name: string, software: boolean): AdapterDescription => ({
  name,
  vendor: '',
  architecture: '',
  description: '',
  software,
  features: [],
  limits: {},
  subgroupSizes: { minimum: 4, maximum: 4 },
  matrixShapes: [],
})

const nothing: AdapterSurvey = { adapters: [], messages: [] }
const found = (
  machine: FakeMachine,
  survey: Partial<AdapterSurvey> = {},
  allowSoftware = false,
): readonly Finding[] =>
  diagnose({ machine: fakeMachine(machine), survey: { ...nothing, ...survey }, allowSoftware })
const kinds = (findings: readonly Finding[]): readonly string[] => findings.map(({ kind }) => kind)

const loader = { '/usr/lib/x86_64-linux-gnu/libvulkan.so.1': '' }
const gpu = { '/dev/dri/renderD128': '' }
const nvidiaGpu = {
  '/dev/nvidia0': '',
  '/proc/driver/nvidia/version':
    'NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 07:09:05 UTC 2025\n',
}
const radeon = {
  '/usr/share/vulkan/icd.d/radeon_icd.x86_64.json': manifestOf(
    '/usr/lib/x86_64-linux-gnu/libvulkan_radeon.so',
  ),
  '/usr/lib/x86_64-linux-gnu/libvulkan_radeon.so': '',
}
const lavapipe = {
  '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json': manifestOf('/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so'),
  '/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so': '',
}

describe('an adapter of the wanted kind is no reason to complain', () => {
  it.each([
    ['hardware', false, false],
    ['hardware, software allowed', false, true],
    ['software where it is allowed', true, true],
  ])('%s', (_, software, allowSoftware) => {
    expect(found({}, { adapters: [adapter('x', software)] }, allowSoftware)).toEqual([])
  })
})

describe('Dawn itself', () => {
  const healthy = { files: { ...loader, ...gpu, ...radeon } }
  it.each([
    ['ERR_MODULE_NOT_FOUND', "Cannot find package 'webgpu'", 'dawn-not-installed', /npm install webgpu/],
    [
      'MODULE_NOT_FOUND',
      "Cannot find module '/app/node_modules/webgpu/dist/linux-riscv64/dawn.node'\nRequire stack: …",
      'dawn-without-binary',
      /no binary for linux-x64/,
    ],
    [
      'ERR_DLOPEN_FAILED',
      "/lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by dawn.node)",
      'dawn-needs-newer-system',
      /needs GLIBCXX_3\.4\.32.*is older/,
    ],
    [
      'ERR_DLOPEN_FAILED',
      'Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by dawn.node)',
      'dawn-needs-newer-system',
      /Alpine/,
    ],
    ['ERR_DLOPEN_FAILED', 'dawn.node: file too short', 'dawn-does-not-load', /file too short/],
  ])('%s: %s', (code, message, kind, text) => {
    const findings = found(healthy, { failure: { code, message } })
    expect(kinds(findings)).toEqual([kind])
    expect(formatFindings(findings)).toMatch(text)
  })
})

describe('Vulkan on Linux', () => {
  it('says on an empty machine that device, loader and driver are missing, in this order', () => {
    const findings = found({}, { messages: ["Couldn't load Vulkan: libvulkan.so.1: cannot open"] })
    expect(kinds(findings)).toEqual(['no-device', 'no-loader', 'no-driver'])
    const text = formatFindings(findings)
    for (const part of ['apt-get install libvulkan1', 'mesa-vulkan-drivers', '/usr/share/vulkan/icd.d']) {
      expect(text).toContain(part)
    }
    expect(kinds(found({}, {}, true))).toEqual(['no-loader', 'no-driver'])
  })

  it('misses only the loader where the driver is there', () => {
    expect(kinds(found({ files: { ...gpu, ...radeon } }))).toEqual(['no-loader'])
  })

  it('misses only the driver where the loader is there', () => {
    expect(kinds(found({ files: { ...gpu, ...loader } }, { messages: ['Found no drivers!'] }))).toEqual([
      'no-driver',
    ])
  })

  it('names the manifest and the library that does not exist', () => {
    const manifest = '/etc/vulkan/icd.d/intel_icd.json'
    const findings = found({
      files: { ...gpu, ...loader, [manifest]: manifestOf('/opt/libvulkan_intel.so') },
    })
    expect(kinds(findings)).toEqual(['library-missing'])
    expect(findings[0].sentence).toContain(manifest)
    expect(findings[0].sentence).toContain('/opt/libvulkan_intel.so')
  })

  it('says that a file which is no manifest names no library', () => {
    const findings = found({ files: { ...gpu, ...loader, '/etc/vulkan/icd.d/x.json': 'not JSON' } })
    expect(findings[0].sentence).toMatch(/x\.json names no library/)
  })

  it('names a manifest that only the environment knows', () => {
    const findings = found({
      files: { ...gpu, ...loader, ...radeon },
      environment: { VK_DRIVER_FILES: '/gone.json' },
    })
    expect(kinds(findings)).toEqual(['manifest-missing'])
    expect(findings[0].sentence).toContain('/gone.json')
  })

  it('quotes why Dawn refuses a driver, and says which Mesa it takes', () => {
    const findings = found(
      { files: { ...loader, ...lavapipe } },
      { messages: ['Vulkan shaderUniform*ArrayDynamicIndexing required (while initializing adapter)'] },
      true,
    )
    expect(kinds(findings)).toEqual(['driver-refused'])
    expect(formatFindings(findings)).toMatch(/ArrayDynamicIndexing required[^]*25 or newer[^]*backports/)
  })

  it('quotes the library that a driver is lacking', () => {
    const library = '/usr/lib/x86_64-linux-gnu/libvulkan_radeon.so'
    const findings = found(
      { files: { ...gpu, ...loader, ...radeon } },
      {
        messages: [
          'libLLVM-15.so.1: cannot open shared object file: No such file or directory',
          `loader_icd_scan: Failed loading library associated with ICD JSON ${library}. Ignoring this JSON`,
          'vkCreateInstance: Found no drivers!',
        ],
      },
    )
    expect(kinds(findings)).toEqual(['driver-does-not-load'])
    expect(findings[0].sentence).toContain('libLLVM-15.so.1')
  })

  it('says that drivers find no device', () => {
    const findings = found(
      { files: { ...gpu, ...loader, ...radeon } },
      { messages: ['vkCreateInstance failed with VK_ERROR_INCOMPATIBLE_DRIVER'] },
    )
    expect(kinds(findings)).toEqual(['driver-without-device'])
    expect(findings[0].sentence).toMatch(/radeon_icd\.x86_64\.json.*none finds a device/)
  })

  it('does not blame drivers for having nothing to drive where there is no GPU', () => {
    const messages = ['Loader Message: setup_loader_term_phys_devs:  Failed to detect any valid GPUs']
    expect(kinds(found({ files: { ...loader, ...radeon } }, { messages }))).toEqual(['no-device'])
    expect(kinds(found({ files: { ...loader, ...radeon } }, { messages }, true))).toEqual([
      'driver-without-device',
    ])
  })

  it('says that the user may not open the device', () => {
    const findings = found({ files: { ...gpu, ...loader, ...radeon }, forbidden: ['/dev/dri/renderD128'] })
    expect(kinds(findings)[0]).toBe('device-forbidden')
    expect(findings[0].remedy).toMatch(/render,video/)
  })

  it('lists software adapters where hardware was asked for', () => {
    const findings = found(
      { files: { ...loader, ...lavapipe } },
      { adapters: [adapter('llvmpipe (LLVM 19.1.7, 256 bits)', true)] },
    )
    expect(kinds(findings)).toEqual(['no-device', 'software-only'])
    expect(findings[1].sentence).toContain('llvmpipe (LLVM 19.1.7, 256 bits)')
  })
})

describe('NVIDIA', () => {
  it('tells a container to ask for graphics, with the package of the same version', () => {
    const findings = found({ files: { ...loader, ...nvidiaGpu } })
    expect(kinds(findings)).toEqual(['no-nvidia-driver', 'no-driver'])
    expect(findings[0].remedy).toMatch(/NVIDIA_DRIVER_CAPABILITIES=all.*libnvidia-gl-580/)
  })

  it('reads the version of the open kernel module too', () => {
    const version = 'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  575.51.03  Release Build\n'
    const files = { ...loader, ...nvidiaGpu, '/proc/driver/nvidia/version': version }
    expect(found({ files })[0].remedy).toContain('libnvidia-gl-575')
  })

  it('says what to write where the library is there without a manifest', () => {
    const files = { ...loader, ...nvidiaGpu, '/usr/lib/x86_64-linux-gnu/libGLX_nvidia.so.0': '' }
    const [finding] = found({ files })
    expect(finding.sentence).toMatch(/libGLX_nvidia\.so\.0\), but no manifest/)
    expect(JSON.parse(/\{.*\}/.exec(finding.remedy)![0])).toMatchObject({
      ICD: { library_path: 'libGLX_nvidia.so.0' },
    })
  })

  it('is content with a manifest that finds the library through the linker', () => {
    const files = {
      ...loader,
      ...nvidiaGpu,
      '/etc/vulkan/icd.d/nvidia_icd.json': manifestOf('libGLX_nvidia.so.0'),
      '/usr/lib/x86_64-linux-gnu/libGLX_nvidia.so.0': '',
    }
    expect(kinds(found({ files }))).toEqual(['driver-without-device'])
  })
})

it('looks for no Vulkan elsewhere than on Linux', () => {
  const findings = found({ platform: 'darwin', architecture: 'arm64' })
  expect(kinds(findings)).toEqual(['no-adapter'])
  expect(findings[0].sentence).toContain('darwin')
})
