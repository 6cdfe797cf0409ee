/**
 * A compiled program on the GPU. Everything that can be decided before the inputs are known is decided here, once:
 * pipelines, scratch buffers, workgroup counts. A run is one encoder, one pass and one submit; bind groups are made for
 * buffers that were not met together before and found again afterwards, so that a replay makes none.
 */
import { BackendError, printProgram, requireInputs, summarize } from '@hessian-free/tensor'
import type { CompileOptions, DeviceBuffer, Executable, Program } from '@hessian-free/tensor'
import type { Allocation } from '../device/bufferPool.ts'
import type { GpuConnection } from '../device/gpuConnection.ts'
import type { GpuMemory } from '../device/gpuMemory.ts'
import type { CachedPipeline, PipelineCache } from '../device/pipelineCache.ts'
import type { ScratchPools } from '../device/scratchPools.ts'
import type { ShaderDispatch } from '../wgsl/shaderDispatch.ts'
import type { DispatchProgram, GenerateKernel, PlannedProgram } from './kernelDispatches.ts'
import { kernelDispatches, planProgram } from './kernelDispatches.ts'
import { PreparedDispatch } from './preparedDispatch.ts'

/** What executables of one backend share. */
export interface GpuContext {
  readonly connection: GpuConnection
  readonly memory: GpuMemory
  readonly pipelines: PipelineCache
  readonly scratch: ScratchPools
  readonly generate: GenerateKernel
  /** Changes when `generate` would make other kernels: better variants have been found by timing. */
  generation(): number
}

/** A program made ready for one generation of kernels. */
interface Prepared extends DispatchProgram {
  readonly generation: number
  readonly pipelines: readonly CachedPipeline[]
  readonly steps: readonly PreparedDispatch[]
  /** By storage; those of inputs and outputs are filled in by each run. */
  readonly allocations: Allocation[]
  readonly scratch: readonly Allocation[]
}

function prepare(planned: PlannedProgram, context: GpuContext): Prepared {
  const { connection, pipelines: cache, scratch: pools } = context
  const generation = context.generation()
  const compiled = kernelDispatches(planned, connection.capabilities, context.generate)
  const operation = `compile ${planned.program.name}`
  const text = printProgram(planned.program)
  const pipelines = compiled.dispatches.map((dispatch) => cache.pipelineOf(dispatch, text))
  const needs = compiled.storages.flatMap((role, storage) =>
    role.kind === 'scratch' ? [{ ...role, storage }] : [],
  )
  const scratch = pools.acquire(
    operation,
    needs.map(({ bytes }) => bytes),
  )
  const allocations: Allocation[] = []
  needs.forEach(({ storage }, i) => (allocations[storage] = scratch[i]))
  const steps = compiled.dispatches.map(
    (dispatch: ShaderDispatch, i) => new PreparedDispatch(dispatch, pipelines[i], compiled.storages),
  )
  return { ...compiled, generation, pipelines, steps, allocations, scratch }
}

/**
 * Compiles a program. A shader that does not compile becomes known later: `run`, `read` or `synchronize` raise it.
 * @throws {DtypeError} for float64. @throws {BackendError} above a limit of the device, with the program's text.
 */
export function compileForGpu(
  original: Program,
  { donate = [] }: CompileOptions,
  context: GpuContext,
): Executable {
  const { connection, memory, scratch } = context
  connection.ledger.begin()
  const planned = planProgram(original, donate)
  const { program, kernels, plan } = planned
  let prepared = prepare(planned, context)
  const operation = `run ${program.name}`
  const donors = new Set(plan.donorOf)
  const released = donate.filter((position) => !donors.has(position))
  let usable = true

  const requireRunnable = (inputs: readonly DeviceBuffer[]): void => {
    connection.requireUsable(operation)
    if (!usable) throw new BackendError({ operation, rule: 'the executable must not have been disposed of' })
    requireInputs(program, inputs, donate)
    for (const { failure } of prepared.pipelines) {
      const error = failure()
      if (error !== undefined) throw error
    }
  }
  /** Better kernels have been found, or scratch memory was not to be had when this was prepared. */
  const isOutdated = (): boolean =>
    prepared.generation !== context.generation() ||
    !prepared.scratch.every((allocation) => memory.pool.isSound(allocation))
  const renew = (): void => {
    const { scratch: old } = prepared
    prepared = prepare(planned, context)
    scratch.release(old)
  }

  /** All or nothing. */
  const createOutputs = (): (DeviceBuffer | undefined)[] => {
    const fresh: (DeviceBuffer | undefined)[] = []
    try {
      program.outputs.forEach((type, i) =>
        fresh.push(plan.donorOf[i] < 0 ? memory.create(operation, type) : undefined),
      )
    } catch (error) {
      for (const buffer of fresh) if (buffer !== undefined) memory.release(operation, buffer)
      throw error
    }
    return fresh
  }

  const encode = (): void => {
    const { device } = connection
    const { steps } = prepared
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    let pipeline: GPUComputePipeline | undefined
    for (const step of steps) pipeline = step.encode(pass, pipeline)
    pass.end()
    device.queue.submit([encoder.finish()])
  }
  const describe = (message: string): BackendError =>
    new BackendError({
      operation,
      rule: 'the device must accept the dispatches of the program',
      found: `${message}\n${printProgram(program)}`,
    })

  return {
    program,
    summary: summarize(kernels, plan),
    run(inputs) {
      requireRunnable(inputs)
      const located = inputs.map((input) => memory.locate(operation, input))
      connection.ledger.begin()
      if (isOutdated()) renew()
      const { storages, allocations, steps } = prepared
      const fresh = createOutputs()
      storages.forEach((role, storage) => {
        if (role.kind === 'input') allocations[storage] = located[role.position]
        else if (role.kind === 'output') {
          allocations[storage] = memory.locate(operation, fresh[role.position] as DeviceBuffer)
        }
      })
      // What the device accepted once it accepts again: only new bind groups need watching.
      let complete = true
      for (const step of steps) if (!step.bind(allocations)) complete = false
      if (complete) encode()
      else {
        connection.guarded('validation', describe, () => {
          for (const step of steps) step.complete(connection.device, allocations)
          encode()
        })
      }
      const outputs = fresh.map(
        (buffer, i) => buffer ?? memory.takeOver(operation, inputs[plan.donorOf[i]], program.outputs[i]),
      )
      for (const position of released) memory.release(operation, inputs[position])
      return outputs
    },
    dispose() {
      if (usable) scratch.release(prepared.scratch)
      usable = false
    },
  }
}
