/**
 * NVIDIA's driver comes in parts, and CUDA works without the one that Vulkan needs: on servers where only the compute
 * part is installed, and in containers, which get `compute,utility` unless `NVIDIA_DRIVER_CAPABILITIES` asks for
 * `graphics` (NVIDIA Container Toolkit, "Driver Capabilities").
 */
import type { Finding } from './finding.ts'
import type { Machine } from './machine.ts'
import { findLibrary } from './vulkanInstallation.ts'
import type { VulkanInstallation } from './vulkanInstallation.ts'

/** NVIDIA's Vulkan driver; its manifest names it without a path. */
const driverLibrary = 'libGLX_nvidia.so.0'
const versionFile = '/proc/driver/nvidia/version'

export function nvidiaFindings(
  machine: Machine,
  { devices, drivers }: VulkanInstallation,
): readonly Finding[] {
  const present = machine.exists(versionFile) || devices.some((device) => device.startsWith('/dev/nvidia'))
  const known = drivers.some(({ manifest, library }) => /nvidia/i.test(`${manifest} ${library ?? ''}`))
  if (!present || known) return []
  const library = findLibrary(machine, driverLibrary)
  if (library !== undefined) {
    return [
      {
        kind: 'no-nvidia-driver',
        sentence: `NVIDIA's Vulkan driver is there (${library}), but no manifest announces it.`,
        remedy: `Write {"file_format_version":"1.0.0","ICD":{"library_path":"${driverLibrary}","api_version":"1.3.0"}} to /etc/vulkan/icd.d/nvidia_icd.json, or point VK_DRIVER_FILES to a file with it`,
      },
    ]
  }
  const version = /Kernel Module(?: for \S+)?\s+(\d+)\./.exec(machine.read(versionFile) ?? '')?.[1]
  const ubuntu = `libnvidia-gl-${version ?? '<version of the kernel driver>'}`
  return [
    {
      kind: 'no-nvidia-driver',
      sentence: `There is an NVIDIA GPU${version === undefined ? '' : ` (kernel driver ${version})`}, but not NVIDIA's Vulkan driver (${driverLibrary} and nvidia_icd.json).`,
      remedy: `In a container, start it with NVIDIA_DRIVER_CAPABILITIES=all (or with graphics in the list); otherwise Ubuntu: apt-get install ${ubuntu}, Debian: nvidia-vulkan-icd, with libxext6 and libegl1`,
    },
  ]
}
