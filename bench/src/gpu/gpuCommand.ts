/**
 * `pnpm bench gpu [measurement…]`: what the WebGPU backend reaches on this machine's device, one JSON line per row on
 * standard output, a table at the end on standard error. Self-contained: `bench/gpu/pack` carries it to bare machines.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { BackendError } from '@hessian-free/tensor'
import type { GpuBackend } from '@hessian-free/gpu-wgsl'
import { createNodeGpuBackend, useSwiftShader } from '@hessian-free/gpu-wgsl/node'
import { adapterDescription } from './adapterDescription.ts'
import { autoencoderProducts } from './autoencoderProducts.ts'
import { copyBandwidth } from './copyBandwidth.ts'
import { dispatchCost } from './dispatchCost.ts'
import type { GpuBench, GpuMeasurement, MeasuredPeaks } from './gpuBench.ts'
import type { GpuOptions } from './gpuOptions.ts'
import { fileNameOf, parseGpuOptions } from './gpuOptions.ts'
import { planFor } from './gpuPlan.ts'
import type { GpuRow } from './gpuRow.ts'
import { formatGpuTable, gpuRowOf } from './gpuRow.ts'
import { halfPrecisionProducts } from './halfPrecisionProducts.ts'
import { knownCard } from './knownCards.ts'
import { matrixProducts } from './matrixProducts.ts'
import { multiplyAddPeak } from './multiplyAddPeak.ts'
import { vectorBandwidth } from './vectorBandwidth.ts'

/** In order: what later ones are shares of comes first. */
const measurements: readonly GpuMeasurement[] = [
  adapterDescription,
  copyBandwidth,
  multiplyAddPeak,
  dispatchCost,
  vectorBandwidth,
  matrixProducts,
  halfPrecisionProducts,
  autoencoderProducts,
]

export const gpuHelp = [
  'Usage: pnpm bench gpu [measurement…] [options]',
  '',
  'Measures the WebGPU backend on the device of this machine. Measurements, all by default:',
  ...measurements.map(({ name, description }) => `  ${name.padEnd(16)}${description}`),
  '',
  '  --software           on SwiftShader, a Vulkan driver for the processor, from npm',
  '  --quick              the least that still runs every measurement',
  '  --tune               let the backend time variants of its products before they are measured',
  '  --sizes 1024,4096    orders of the square matrices',
  '  --batches 512,7500   cases of the autoencoder',
  '  --output FILE        also write the rows there; {device} in it becomes the name of the device',
  '  --table FILE…        print rows of earlier runs, of other engines too, as one table',
  '  --probe              only say which adapter there is; exit code 1 where there is none of hardware',
].join('\n')

async function openBackend({ software, tune }: GpuOptions): Promise<GpuBackend> {
  if (software && !useSwiftShader(import.meta.url)) {
    throw new BackendError({
      operation: 'bench gpu --software',
      rule: 'the package @sparticuz/chromium must be installed, on Linux with an x64 processor',
      remedy:
        'Run it where the workspace is installed, or without --software on a machine with a Vulkan driver',
    })
  }
  return createNodeGpuBackend({ allowSoftware: true, tune })
}

const readRows = (file: string): GpuRow[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as GpuRow)

/** @returns the exit code. */
export async function runGpuBenchmarks(args: readonly string[]): Promise<number> {
  const options = parseGpuOptions(
    args,
    measurements.map(({ name }) => name),
  )
  if (options.help) {
    console.log(gpuHelp)
    return 0
  }
  if (options.table !== undefined) {
    console.log(formatGpuTable(options.table.flatMap(readRows)))
    return 0
  }
  const backend = await openBackend(options)
  const { adapterName, isSoftware } = backend.capabilities
  if (options.probe) {
    console.log(`${isSoftware ? 'software' : 'hardware'}: ${adapterName}`)
    backend.dispose()
    return isSoftware ? 1 : 0
  }
  const rows = await measureAll(backend, options)
  console.error(`\n${formatGpuTable(rows)}`)
  backend.dispose()
  return rows.some(({ note }) => note?.startsWith('failed') === true) ? 1 : 0
}

async function measureAll(backend: GpuBackend, options: GpuOptions): Promise<GpuRow[]> {
  const { adapterName, isSoftware } = backend.capabilities
  const output = options.output?.replaceAll('{device}', fileNameOf(adapterName))
  if (output !== undefined) writeFileSync(output, '')
  const rows: GpuRow[] = []
  let measured: MeasuredPeaks = {}
  const emit: GpuBench['emit'] = (parts) => {
    const row = gpuRowOf(parts, { device: adapterName, backend: backend.name })
    rows.push(row)
    const line = JSON.stringify(row)
    console.log(line)
    if (output !== undefined) appendFileSync(output, `${line}\n`)
  }
  // What fails must not cost the rest its time on a borrowed machine.
  const attempt: GpuBench['attempt'] = async (suite, name, work) => {
    try {
      await work()
    } catch (error) {
      console.error(error)
      const message = error instanceof Error ? error.message : String(error)
      emit({ suite, case: name, note: `failed: ${message.slice(0, 400)}` })
    }
  }
  const plan = planFor({ isSoftware, ...options })
  const shared = { backend, plan, card: knownCard(adapterName), emit, attempt }
  for (const measurement of measurements) {
    if (!options.measurements.includes(measurement.name)) continue
    console.error(`${measurement.name} …`)
    await attempt(measurement.name, 'all', async () => {
      measured = { ...measured, ...(await measurement.run({ ...shared, measured })) }
    })
  }
  return rows
}
