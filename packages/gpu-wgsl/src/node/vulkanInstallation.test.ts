/** Where the loader and drivers are found, on machines made of tables of files. */
import { describe, expect, it } from 'vitest'
import { fakeMachine, manifestOf } from '../testing/fakeMachine.ts'
import type { FakeMachine } from '../testing/fakeMachine.ts'
import { findLibrary, findVulkan, mayOfferAdapter } from './vulkanInstallation.ts'

describe('the loader is found', () => {
  const name = 'libvulkan.so.1'
  const cache = `glibc-ld.so.cache1.1\0\0${name}\0/opt/a/${name}.TOC\0/opt/gone/${name}\0/opt/vk/${name}\0libz.so.1\0/lib/libz.so.1\0`
  it.each<[string, FakeMachine, string | undefined]>([
    [
      'in LD_LIBRARY_PATH before all else',
      {
        files: { '/opt/b/libvulkan.so.1': '', '/usr/lib/libvulkan.so.1': '' },
        environment: { LD_LIBRARY_PATH: '/opt/a:/opt/b' },
      },
      '/opt/b/libvulkan.so.1',
    ],
    [
      "in Debian's folder of the processor's kind",
      { files: { '/usr/lib/aarch64-linux-gnu/libvulkan.so.1': '' }, architecture: 'arm64' },
      '/usr/lib/aarch64-linux-gnu/libvulkan.so.1',
    ],
    ['in lib64', { files: { '/usr/lib64/libvulkan.so.1': '' } }, '/usr/lib64/libvulkan.so.1'],
    [
      "in the linker's cache, where the cache is not out of date",
      { files: { '/etc/ld.so.cache': cache, '/opt/vk/libvulkan.so.1': '' } },
      '/opt/vk/libvulkan.so.1',
    ],
    [
      'in this very process, under the name behind a link',
      {
        files: { '/proc/self/maps': '7f00-7f01 r-xp 00000000 08:01 42    /tmp/sw/libvulkan.so.1.3.239\n' },
      },
      '/tmp/sw/libvulkan.so.1.3.239',
    ],
    [
      'not for another processor',
      { files: { '/usr/lib/i386-linux-gnu/libvulkan.so.1': '', '/etc/ld.so.cache': cache } },
      undefined,
    ],
  ])('%s', (_, machine, path) => {
    expect(findLibrary(fakeMachine(machine), name)).toBe(path)
  })
})

describe('drivers are found', () => {
  it('in every folder that the loader looks into, and libraries relative to the manifest', () => {
    const { drivers } = findVulkan(
      fakeMachine({
        files: {
          '/etc/vulkan/icd.d/a.json': manifestOf('/a.so'),
          '/usr/share/vulkan/icd.d/b.json': manifestOf('../../../lib/b.so'),
          '/usr/share/vulkan/icd.d/readme.txt': '',
          '/home/user/.local/share/vulkan/icd.d/c.json': manifestOf('c.so'),
          '/data/vulkan/icd.d/d.json': manifestOf('/d.so'),
          '/usr/lib/b.so': '',
          '/usr/lib/c.so': '',
        },
        environment: { XDG_DATA_DIRS: '/usr/share:/data' },
      }),
    )
    expect(drivers.map(({ manifest, libraryFound }) => [manifest, libraryFound])).toEqual([
      ['/etc/vulkan/icd.d/a.json', false],
      ['/home/user/.local/share/vulkan/icd.d/c.json', true],
      ['/usr/share/vulkan/icd.d/b.json', true],
      ['/data/vulkan/icd.d/d.json', false],
    ])
  })

  it.each(['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'])('only where %s points, files and folders', (variable) => {
    const { drivers, searched } = findVulkan(
      fakeMachine({
        files: {
          '/usr/share/vulkan/icd.d/a.json': manifestOf('/a.so'),
          '/one/b.json': manifestOf('/b.so'),
          '/two/c.json': manifestOf('/c.so'),
        },
        environment: { [variable]: '/one/b.json:/two' },
      }),
    )
    expect(searched).toEqual(['/one/b.json', '/two'])
    expect(drivers.map(({ manifest }) => manifest)).toEqual(['/one/b.json', '/two/c.json'])
  })
})

describe('asking Dawn is worth it', () => {
  const loader = { '/usr/lib/libvulkan.so.1': '' }
  const lavapipe = { '/etc/vulkan/icd.d/lvp_icd.json': manifestOf('/lvp.so'), '/lvp.so': '' }
  const intel = { '/etc/vulkan/icd.d/intel_icd.json': manifestOf('/intel.so'), '/intel.so': '' }
  const device = { '/dev/dri/card0': '', '/dev/dri/renderD128': '' }
  it.each<[string, FakeMachine, boolean, boolean]>([
    ['with device, loader and driver', { files: { ...loader, ...intel, ...device } }, true, true],
    ['without a device for software only', { files: { ...loader, ...intel } }, false, true],
    ['without a loader never', { files: { ...intel, ...device } }, false, false],
    [
      'with a software driver for software only',
      { files: { ...loader, ...lavapipe, ...device } },
      false,
      true,
    ],
    ['off Linux always', { platform: 'win32' }, true, true],
  ])('%s', (_, machine, hardware, software) => {
    expect(mayOfferAdapter(fakeMachine(machine), false)).toBe(hardware)
    expect(mayOfferAdapter(fakeMachine(machine), true)).toBe(software)
  })
})
