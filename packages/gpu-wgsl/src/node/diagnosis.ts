/**
 * Why this machine offers no adapter, or not the kind that is wanted: a sentence for each thing that is missing and what
 * to do about it. Facts come from files (vulkanInstallation.ts) and from what Dawn printed (adapters.ts); which of them
 * explains which message, and the names of packages, are knowledge of Debian, Ubuntu and NVIDIA's containers.
 */
import { basename } from 'node:path'
import type { AdapterSurvey } from './adapters.ts'
import { surveyAdapters } from './adapters.ts'
import { dawnFindings } from './dawnFindings.ts'
import type { Finding } from './finding.ts'
import type { Machine } from './machine.ts'
import { thisMachine } from './machine.ts'
import { nvidiaFindings } from './nvidiaFindings.ts'
import { findVulkan } from './vulkanInstallation.ts'
import type { VulkanInstallation } from './vulkanInstallation.ts'

export interface DiagnosisInput {
  readonly machine: Machine
  readonly survey: AdapterSurvey
  /** Whether a processor in disguise would do. */
  readonly allowSoftware: boolean
}

/** What is missing, the most fundamental first; empty where an adapter of the wanted kind is offered. */
export function diagnose({ machine, survey, allowSoftware }: DiagnosisInput): readonly Finding[] {
  if (survey.adapters.some(({ software }) => allowSoftware || !software)) return []
  const findings = [...(survey.failure === undefined ? [] : dawnFindings(survey.failure, machine))]
  if (machine.platform === 'linux') {
    const vulkan = findVulkan(machine)
    if (!allowSoftware) findings.push(...deviceFindings(machine, vulkan))
    findings.push(
      ...nvidiaFindings(machine, vulkan),
      ...loaderFindings(vulkan),
      ...driverFindings(vulkan),
      ...(survey.failure === undefined ? messageFindings(survey, vulkan, allowSoftware) : []),
    )
  }
  if (survey.adapters.length > 0) findings.push(softwareOnly(survey))
  return findings.length > 0 ? findings : [noAdapter(survey, machine)]
}

/** The same for the machine and the process that this is. */
export async function diagnoseThisMachine(allowSoftware: boolean): Promise<readonly Finding[]> {
  return diagnose({ machine: thisMachine, survey: await surveyAdapters(), allowSoftware })
}

function deviceFindings(machine: Machine, { devices }: VulkanInstallation): Finding[] {
  if (devices.length === 0) {
    return [
      {
        kind: 'no-device',
        sentence:
          'This machine shows no GPU: there is no /dev/dri/renderD*, /dev/nvidia0 or other graphics device.',
        remedy:
          'In a container, pass the GPU in (docker run --gpus all, or --device /dev/dri); on a host, install its kernel driver. Without a GPU the wasm backend is the fastest.',
      },
    ]
  }
  if (devices.some((device) => machine.mayUse(device))) return []
  return [
    {
      kind: 'device-forbidden',
      sentence: `This user may not open ${devices.join(', ')}.`,
      remedy:
        'Add the user to the groups render and video, then log in again: sudo usermod -aG render,video $USER',
    },
  ]
}

function loaderFindings({ loader }: VulkanInstallation): Finding[] {
  if (loader !== undefined) return []
  return [
    {
      kind: 'no-loader',
      sentence: 'There is no Vulkan loader: libvulkan.so.1 lies in none of the library folders.',
      remedy: 'Debian, Ubuntu: apt-get install libvulkan1; Fedora: vulkan-loader; Arch: vulkan-icd-loader',
    },
  ]
}

const someDriver =
  'Debian, Ubuntu: apt-get install mesa-vulkan-drivers for AMD and Intel; for NVIDIA see the driver package of the distribution'

function driverFindings({ drivers, absentManifests, searched }: VulkanInstallation): Finding[] {
  const findings: Finding[] = absentManifests.map((manifest) => ({
    kind: 'manifest-missing',
    sentence: `The environment names the Vulkan driver ${manifest}, which does not exist.`,
    remedy: 'Correct or unset VK_DRIVER_FILES and VK_ICD_FILENAMES',
  }))
  for (const { manifest, library, libraryFound } of drivers) {
    if (libraryFound) continue
    findings.push({
      kind: 'library-missing',
      sentence:
        library === undefined
          ? `The Vulkan driver ${manifest} names no library.`
          : `The Vulkan driver ${manifest} names the library ${library}, which does not exist.`,
      remedy:
        'Install again the package that the driver belongs to (dpkg -S on the file tells), or delete the file',
    })
  }
  if (drivers.length === 0 && absentManifests.length === 0) {
    findings.push({
      kind: 'no-driver',
      sentence: `No Vulkan driver is installed: there is no manifest (*.json) in ${searched.join(', ')}.`,
      remedy: someDriver,
    })
  }
  return findings
}

/** What only Dawn and the loader know: drivers that are there and of no use. */
function messageFindings(
  { messages, adapters }: AdapterSurvey,
  { loader, drivers, devices }: VulkanInstallation,
  allowSoftware: boolean,
): Finding[] {
  const usable = drivers.filter(({ libraryFound }) => libraryFound)
  if (loader === undefined || usable.length === 0) return []
  const findings: Finding[] = []
  for (const [i, message] of messages.entries()) {
    const failed = usable.find(
      ({ library }) => library !== undefined && message.includes(`ICD JSON ${library}.`),
    )
    if (failed !== undefined) {
      findings.push({
        kind: 'driver-does-not-load',
        sentence: `The Vulkan driver ${failed.manifest} is there, but its library does not load: ${i > 0 ? messages[i - 1] : message}`,
        remedy:
          "Install the package with the library that the message names; NVIDIA's driver needs libxext6 and libegl1 on servers without a screen",
      })
    } else if (/ required\.?$|while initializing adapter/.test(message)) findings.push(refused(message))
  }
  const withoutDevice = messages.some((message) =>
    /INCOMPATIBLE_DRIVER|Found no drivers|any valid GPUs/.test(message),
  )
  // Without a GPU that is no surprise, and another finding says so.
  if (findings.length === 0 && adapters.length === 0 && (allowSoftware || devices.length > 0)) {
    findings.push({
      kind: 'driver-without-device',
      sentence: `Vulkan drivers are installed (${usable.map(({ manifest }) => basename(manifest)).join(', ')}), but ${withoutDevice ? 'none finds a device that it can drive' : 'Dawn is offered no device by them'}${messages.length === 0 ? '' : `: ${messages.join('; ')}`}.`,
      remedy:
        'See that the kernel driver works and has the same version as the Vulkan driver (nvidia-smi; vulkaninfo --summary from vulkan-tools)',
    })
  }
  return findings
}

/** Dawn demands what every current driver has, so a refused one is old: as the lavapipe of Mesa 22.3 in Debian 12. */
const refused = (message: string): Finding => ({
  kind: 'driver-refused',
  sentence: `Dawn refuses a Vulkan driver, because it lacks a feature: ${message}.`,
  remedy:
    "Install a newer driver; Mesa's software driver must be 25 or newer (Debian 12: apt-get install -t bookworm-backports mesa-vulkan-drivers)",
})

const softwareOnly = ({ adapters }: AdapterSurvey): Finding => ({
  kind: 'software-only',
  sentence: `Only software adapters are offered: ${adapters.map(({ name }) => name).join(', ')}.`,
  remedy:
    'Install the Vulkan driver of the GPU, or allow software adapters, which are slower than the wasm backend',
})

const noAdapter = ({ messages }: AdapterSurvey, { platform }: Machine): Finding => ({
  kind: 'no-adapter',
  sentence: `Dawn offers no adapter on this machine (${platform})${messages.length === 0 ? '' : `: ${messages.join('; ')}`}.`,
  remedy: 'Update the system and its graphics driver, or use the wasm backend',
})
