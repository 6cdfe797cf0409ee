/**
 * Trains an example: the run folder, the terminal and the report are consumers of the optimiser's stream of steps.
 * Ctrl-C ends the stream at the next safe point; parameters, log and report are written in any case. A lost device does
 * not end it: the run goes on from its last step.
 */
import { writeFileSync } from 'node:fs'
import { workUnits } from '@hessian-free/hf'
import type { HessianFreeStep } from '@hessian-free/hf'
import type { Backend } from '@hessian-free/tensor'
import { createBackend } from '../choices.ts'
import type { BackendName, BackendOptions } from '../choices.ts'
import { readMnist } from '../data/mnistFolder.ts'
import { backendSettings, describeBackend, threadUseOf } from '../describeBackend.ts'
import type { Example, PresetName } from '../examples/example.ts'
import { digitStrip } from '../report/digitStrip.ts'
import { renderReport } from '../report/report.ts'
import type { RunHeader } from '../report/report.ts'
import { progressLine } from '../terminal/progressLine.ts'
import { formatCount, formatNumber } from '../terminal/numberFormat.ts'
import { formatHeading, formatStep, stepColumns } from '../terminal/stepTable.ts'
import { createRunFolder } from './runFolder.ts'
import type { RunFolder } from './runFolder.ts'
import { survivingRun } from './survivingRun.ts'
import type { Placement, SurvivingRun } from './survivingRun.ts'
import { createOptimiser, describeSettings, reconstructLatest } from './trainingRun.ts'
import type { OptimiserSettings } from './trainingRun.ts'

export interface TrainingOptions extends OptimiserSettings, BackendOptions {
  readonly backend: BackendName
  readonly preset: PresetName
  readonly iterations?: number
  readonly seconds?: number
  readonly name?: string
  readonly out: string
  /** Prints the run's folder at the end and nothing else. */
  readonly quiet?: boolean
  /** Prints the lines of the log instead of a table. */
  readonly json?: boolean
}

/** Steps between saved parameters; they are saved at the end in any case. */
const savingInterval = 5

const timestamp = (): string => new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')

/** What ends a run, found out by whoever ends it. */
type Ending = 'all iterations done' | 'stopped by Ctrl-C' | 'time limit reached'

/** @throws {TensorError} for missing data, NaN, an existing run; what had been reached is on disk by then. */
export async function train(
  example: Example,
  options: TrainingOptions,
  controller: AbortController,
): Promise<void> {
  const preset = example.presets[options.preset]
  const iterations = options.iterations ?? preset.iterations
  const connect = (): Promise<Backend> => createBackend(options.backend, options)
  const prepareOn = async (backend: Backend): Promise<Placement> => ({
    backend,
    prepared: await example.prepare(preset, backend, options.seed, readMnist),
  })
  const backend = await connect()
  const folder = createRunFolder(
    options.out,
    options.name ?? `${example.name}-${options.preset}-${timestamp()}`,
    options.json === true ? (line) => void process.stdout.write(line) : undefined,
  )
  const write = (text = ''): void => void process.stdout.write(`${text}\n`)
  const forPeople = options.quiet !== true && options.json !== true
  const print = forPeople ? write : (): void => undefined
  const progress = progressLine(process.stdout, forPeople)
  try {
    print(`Reading the data of ${example.name} …`)
    const first = await prepareOn(backend)
    const { prepared } = first
    const settings = describeSettings(prepared, preset, options)
    const metric = prepared.problem.loss.metric.name
    const header: RunHeader = {
      example: example.name,
      preset: options.preset,
      backend: backend.name,
      metric,
      settings: {
        ...backendSettings(backend, options),
        ...settings,
        iterations,
        'time limit': options.seconds === undefined ? 'none' : `${options.seconds} s`,
        started: new Date().toISOString(),
        node: process.versions.node,
      },
    }
    folder.log({ kind: 'header', ...header })
    print(
      `${example.name}, ${options.preset}: ${settings.network}, ${formatCount(Number(settings.parameters))} parameters, ${describeBackend(backend)}`,
    )
    print(
      `Hessian-free, preconditioner ${settings.preconditioner}, ${options.sampling} samples, ${formatCount(preset.trainingCases)} training and ${formatCount(preset.heldOutCases)} held-out cases`,
    )
    print(`Writing to ${folder.path}; Ctrl-C stops and keeps what was done.\n`)

    const run = survivingRun(first, {
      place: async () => prepareOn(await connect()),
      minimise: (placed, resumeFrom) =>
        createOptimiser(placed, preset, options).minimise(placed.initial, {
          data: placed.data,
          heldOut: placed.heldOut,
          iterations,
          signal: controller.signal,
          onProgress: (state) => progress.show(state),
          ...(resumeFrom === undefined ? {} : { resumeFrom }),
        }),
      onLoss: ({ error, iteration, backend: next }) => {
        progress.clear()
        folder.log({ kind: 'device', lost: error.message, iteration, backend: next })
        print(
          `The device was lost (${error.message}); going on from iteration ${iteration} on the ${next} backend.`,
        )
      },
    })
    const save = async (): Promise<void> =>
      folder.saveParameters(await run.snapshot(), {
        example: example.name,
        preset: options.preset,
        network: preset.widths.join('-'),
      })

    const columns = stepColumns(metric)
    const steps: HessianFreeStep[] = []
    let ending: Ending = 'all iterations done'
    print(formatHeading(columns))
    try {
      for await (const step of run) {
        progress.clear()
        if (steps.length === 0) folder.log({ kind: 'start', ...run.run.initial })
        steps.push(step)
        folder.log({ kind: 'step', ...step })
        print(formatStep(columns, step))
        if (steps.length % savingInterval === 0) await save()
        if (options.seconds !== undefined && step.seconds >= options.seconds) {
          ending = 'time limit reached'
          break
        }
      }
    } catch (error) {
      // What the last step reached is on the host, whatever became of the device; the error matters more than the disk's.
      if (run.state !== undefined) await save().catch(() => undefined)
      throw error
    }
    progress.clear()
    if (controller.signal.aborted) ending = 'stopped by Ctrl-C'
    await save()
    const digits = await reconstructionStrip(run)
    if (digits !== undefined) folder.log({ kind: 'digits', picture: digits })
    folder.log({ kind: 'end', reason: ending, threadUse: threadUseOf(run.placement.backend) })
    const { initial } = run.run
    const complete: RunHeader = initial === undefined ? header : { ...header, initial }
    const page = renderReport({
      header: complete,
      steps,
      ended: ending,
      ...(digits === undefined ? {} : { digits }),
    })
    writeFileSync(folder.reportPath, page)
    printSummary(print, complete, steps, ending, folder.path)
    if (options.quiet === true) write(folder.path)
    run.dispose()
    run.placement.backend.dispose()
  } catch (error) {
    logFailure(folder, error)
    throw error
  } finally {
    progress.clear()
    folder.close()
  }
}

/** The error under way matters more than one of the log, whose disk may be what failed. */
function logFailure(folder: RunFolder, error: unknown): void {
  try {
    folder.log({ kind: 'end', reason: `error: ${error instanceof Error ? error.message : String(error)}` })
  } catch (logError) {
    if (!(logError instanceof Error)) throw logError
  }
}

/** Some held-out digits above what the network makes of them, where the example makes images. */
async function reconstructionStrip(run: SurvivingRun): Promise<string | undefined> {
  if (!run.placement.prepared.reconstructs) return undefined
  const latest = await reconstructLatest(run, 24)
  return latest && digitStrip([latest.originals.data, latest.outputs.data])
}

function printSummary(
  print: (text?: string) => void,
  header: RunHeader,
  steps: readonly HessianFreeStep[],
  ending: Ending,
  path: string,
): void {
  const last = steps.at(-1)
  print(
    `\n${ending[0].toUpperCase()}${ending.slice(1)} after ${steps.length} ${steps.length === 1 ? 'iteration' : 'iterations'}.`,
  )
  if (last !== undefined && header.initial !== undefined) {
    print(
      `  held-out loss  ${formatNumber(header.initial.heldOutLoss, 6)} → ${formatNumber(last.heldOutLoss, 6)}`,
    )
    print(
      `  ${header.metric}  ${formatNumber(header.initial.heldOutMetric, 5)} → ${formatNumber(last.heldOutMetric, 5)}`,
    )
    print(
      `  ${formatNumber(last.seconds, 4)} s, ${last.work.products} Gauss-Newton products, ${formatCount(workUnits(last.work))} forward passes of work`,
    )
  }
  print(`  ${path}/log.jsonl, parameters.safetensors, report.html`)
}
