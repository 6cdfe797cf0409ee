/**
 * What a Linux machine has of Vulkan, found out from its files alone: devices, the loader (libvulkan.so.1) and drivers,
 * each of which announces itself by a manifest, a small JSON file that names its library.
 *
 * The folders and their order are those of the loader's own interface description (Khronos, LoaderDriverInterface.md,
 * "Driver Discovery"). Unlike the loader, manifests are listed even where their library is missing: that is the finding.
 */
import { dirname, isAbsolute, join } from 'node:path'
import type { Machine } from './machine.ts'

export interface VulkanDriver {
  /** Path of the manifest. */
  readonly manifest: string
  /** What the manifest names: a path, or a bare file name for the system's library search. */
  readonly library: string | undefined
  /** Whether that library is there; undefined for a manifest that names none. */
  readonly libraryFound: boolean
  /** Judged by names: a driver that computes on the processor. */
  readonly software: boolean
}

export interface VulkanInstallation {
  /** Where the loader lies, or undefined. */
  readonly loader: string | undefined
  readonly drivers: readonly VulkanDriver[]
  /** Manifests that the environment names and that do not exist. */
  readonly absentManifests: readonly string[]
  /** Where drivers were looked for. */
  readonly searched: readonly string[]
  /** Device files of GPUs: /dev/dri/renderD128, /dev/nvidia0, /dev/dxg, … */
  readonly devices: readonly string[]
}

const loaderName = 'libvulkan.so.1'

const libraryTriplets: Readonly<Record<string, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
}

const splitPaths = (paths: string | undefined): readonly string[] =>
  (paths ?? '').split(':').filter((path) => path !== '')

/** Folders in which the system's linker looks for libraries, its cache apart. */
function libraryFolders({ environment, architecture }: Machine): readonly string[] {
  const triplet = libraryTriplets[architecture]
  const multiarch = triplet === undefined ? [] : [`/lib/${triplet}`, `/usr/lib/${triplet}`]
  return [
    ...splitPaths(environment['LD_LIBRARY_PATH']),
    ...multiarch,
    '/lib64',
    '/usr/lib64',
    '/lib',
    '/usr/lib',
    '/usr/local/lib',
  ]
}

/** A name for use in a regular expression. */
const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/**
 * Where the linker would find a library, by its bare name: already in this process, in a library folder, in the cache of
 * `ldconfig` (paths lie in it between zero bytes).
 */
export function findLibrary(machine: Machine, name: string): string | undefined {
  // A map shows the file behind a link: libvulkan.so.1.3.239.
  const loaded = machine
    .read('/proc/self/maps')
    ?.match(new RegExp(`/[^\\n]*/${literally(name)}[.\\d]*$`, 'm'))
  if (loaded) return loaded[0]
  const direct = libraryFolders(machine)
    .map((folder) => join(folder, name))
    .find((path) => machine.exists(path))
  if (direct !== undefined) return direct
  const cache = machine.read('/etc/ld.so.cache') ?? ''
  const cached = cache.match(new RegExp(`/[^\\0]*/${literally(name)}(?=\\0)`, 'g')) ?? []
  return cached.find((path) => machine.exists(path))
}

/** Where manifests may lie: files, and folders of files. `VK_DRIVER_FILES` replaces all other places. */
function manifestPlaces({ environment, home }: Machine): readonly string[] {
  const only = environment['VK_DRIVER_FILES'] ?? environment['VK_ICD_FILENAMES']
  if (only !== undefined && only !== '') return splitPaths(only)
  const roots = [
    environment['XDG_CONFIG_HOME'] ?? join(home, '.config'),
    ...splitPaths(environment['XDG_CONFIG_DIRS'] ?? '/etc/xdg'),
    '/etc',
    environment['XDG_DATA_HOME'] ?? join(home, '.local/share'),
    ...splitPaths(environment['XDG_DATA_DIRS'] ?? '/usr/local/share:/usr/share'),
  ]
  return [
    ...splitPaths(environment['VK_ADD_DRIVER_FILES']),
    ...new Set(roots.map((root) => join(root, 'vulkan/icd.d'))),
  ]
}

const softwareDriver = /lvp|lavapipe|llvmpipe|swiftshader/i

/** The library that a manifest names, or undefined for one that is no manifest. */
function namedLibrary(text: string | undefined): string | undefined {
  try {
    const { ICD } = JSON.parse(text ?? '') as { ICD?: { library_path?: unknown } }
    return typeof ICD?.library_path === 'string' ? ICD.library_path : undefined
  } catch {
    return undefined
  }
}

function readDriver(machine: Machine, manifest: string): VulkanDriver {
  const library = namedLibrary(machine.read(manifest))
  const path =
    library === undefined || isAbsolute(library)
      ? library
      : library.includes('/')
        ? join(dirname(manifest), library)
        : findLibrary(machine, library)
  return {
    manifest,
    library,
    libraryFound: path !== undefined && machine.exists(path),
    software: softwareDriver.test(`${manifest} ${library ?? ''}`),
  }
}

/** A heuristic: the device files that Linux drivers for GPUs make. */
function gpuDevices(machine: Machine): readonly string[] {
  const inDev = machine.list('/dev').filter((name) => /^(nvidia\d+|dxg|kgsl-3d0|mali\d+)$/.test(name))
  const render = machine.list('/dev/dri').filter((name) => name.startsWith('renderD'))
  return [...inDev.map((name) => `/dev/${name}`), ...render.map((name) => `/dev/dri/${name}`)]
}

/** What there is of Vulkan; meaningful on Linux only. */
export function findVulkan(machine: Machine): VulkanInstallation {
  const searched = manifestPlaces(machine)
  const manifests = searched.flatMap((place) =>
    place.endsWith('.json')
      ? [place]
      : machine
          .list(place)
          .filter((name) => name.endsWith('.json'))
          .map((name) => join(place, name)),
  )
  return {
    loader: findLibrary(machine, loaderName),
    drivers: manifests
      .filter((manifest) => machine.exists(manifest))
      .map((manifest) => readDriver(machine, manifest)),
    absentManifests: manifests.filter((manifest) => !machine.exists(manifest)),
    searched,
    devices: gpuDevices(machine),
  }
}

/**
 * Whether it is worth asking Dawn for an adapter: a heuristic that costs a few file look-ups and prints nothing.
 * Elsewhere than on Linux the system itself brings what is needed, and the answer is yes.
 */
export function mayOfferAdapter(machine: Machine, allowSoftware: boolean): boolean {
  if (machine.platform !== 'linux') return true
  const { loader, drivers, devices } = findVulkan(machine)
  return (
    loader !== undefined &&
    (allowSoftware || devices.length > 0) &&
    drivers.some(({ software, libraryFound }) => libraryFound && (allowSoftware || !software))
  )
}
