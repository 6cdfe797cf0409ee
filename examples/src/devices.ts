/**
 * `hf devices`: the processor that the wasm backend computes on, the adapters that this machine offers to the gpu backend,
 * and what is missing where there are none or only software ones. As text for people, as one JSON object for programs.
 */
import { diagnose, thisMachine } from '@hessian-free/gpu-wgsl/node'
import type { AdapterDescription, Finding } from '@hessian-free/gpu-wgsl/node'
import type { AdapterName } from './choices.ts'
import { offeredAdapters } from './gpuChoice.ts'
import { describeProcessor, formatProcessor } from './processor.ts'

export interface DevicesOptions {
  readonly adapter: AdapterName
  readonly json?: boolean
}

/** The text to print. */
export async function describeDevices({ adapter, json = false }: DevicesOptions): Promise<string> {
  const survey = await offeredAdapters(adapter)
  const processor = describeProcessor()
  const findings = diagnose({ machine: thisMachine, survey, allowSoftware: adapter === 'software' })
  if (json) {
    const { messages, adapters } = survey
    return JSON.stringify({ processor, adapters, missing: findings, messages }, undefined, 2)
  }
  return `${formatProcessor(processor)}\n\n${formatDevices(survey.adapters, findings)}`
}

/** Limits that decide what runs and how fast; `--json` prints all. */
const shownLimits = {
  maxBufferSize: 'bytes in a buffer',
  maxStorageBufferBindingSize: 'bytes in a binding: the largest tensor',
  maxStorageBuffersPerShaderStage: 'storage bindings of a shader',
  maxComputeInvocationsPerWorkgroup: 'invocations in a workgroup',
  maxComputeWorkgroupStorageSize: 'bytes of workgroup memory',
  maxComputeWorkgroupsPerDimension: 'workgroups along an axis',
  maxImmediateSize: 'bytes of immediates',
} as const

const noAdapters =
  'No adapters: the gpu backend has nothing to run on. For tests there is --adapter software (Linux on x64).'

/** Paragraphs about the gpu backend: one for each adapter, then what is missing. */
export function formatDevices(adapters: readonly AdapterDescription[], findings: readonly Finding[]): string {
  const missing = findings.map(({ sentence, remedy }) => `  ${sentence}\n    → ${remedy}`)
  return [
    ...(adapters.length === 0 ? [noAdapters] : []),
    ...adapters.map(formatAdapter),
    ...(missing.length === 0 ? [] : [['What a hardware GPU would need:', ...missing].join('\n')]),
  ].join('\n\n')
}

function formatAdapter(adapter: AdapterDescription): string {
  const { minimum, maximum } = adapter.subgroupSizes
  const limits = Object.entries(shownLimits)
    .filter(([limit]) => limit in adapter.limits)
    .map(([limit, meaning]) => `    ${String(adapter.limits[limit]).padStart(12)}  ${meaning} (${limit})`)
  const shapes = adapter.matrixShapes.map(
    ({ rows, columns, depth, componentType, resultComponentType }) =>
      `${rows}×${columns}×${depth} ${componentType}→${resultComponentType}`,
  )
  return [
    `${adapter.name}: ${adapter.software ? 'software, computes on the processor' : 'hardware'}`,
    `  vendor ${adapter.vendor}, architecture ${adapter.architecture}, driver ${adapter.description}`,
    `  subgroups of ${minimum === maximum ? minimum : `${minimum} to ${maximum}`} invocations`,
    `  matrix products in hardware: ${shapes.length === 0 ? 'none' : shapes.join(', ')}`,
    '  limits',
    ...limits,
    `  features ${adapter.features.join(', ')}`,
  ].join('\n')
}
