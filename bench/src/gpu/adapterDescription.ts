/** What the adapter is and offers: the row that makes all others readable later. */
import { knownCard } from './knownCards.ts'
import type { GpuMeasurement } from './gpuBench.ts'

/** The values of an object whose properties are getters of its prototype, as WebGPU's are. */
function gettersOf(object: object): Record<string, unknown> {
  const names = new Set<string>()
  for (const name in object) names.add(name)
  return Object.fromEntries(
    [...names]
      .map((name): [string, unknown] => [name, (object as Record<string, unknown>)[name]])
      .filter(([, value]) => typeof value === 'number' || typeof value === 'string'),
  )
}

export const adapterDescription: GpuMeasurement = {
  name: 'adapter',
  description: 'name, features and limits of the device',
  run: async ({ backend, emit }) => {
    const { device, capabilities } = backend
    emit({
      suite: 'adapter',
      case: capabilities.adapterName,
      note: [
        knownCard(capabilities.adapterName)?.name ?? 'no known card: shares of a data sheet are left out',
        `subgroups ${capabilities.subgroupMinimumSize} to ${capabilities.subgroupMaximumSize}`,
        capabilities.hasFloat16 ? 'float16' : 'no float16',
        capabilities.hasTimestamps ? 'timestamps' : 'no timestamps',
        `${capabilities.subgroupMatrixShapes.length} subgroup-matrix shapes`,
      ].join('; '),
      details: {
        capabilities,
        features: [...device.features].sort(),
        limits: gettersOf(device.limits),
      },
    })
    return undefined
  },
}
