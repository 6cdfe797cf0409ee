/**
 * Checks a memory plan by playing it: every place (a pool, or the memory of an output) knows which buffer it
 * holds, a read must find its own buffer there, and a write may replace another buffer only if that one is not
 * read later or the kernel may work in place. For tests, after planning.
 */
import { bytesPerElement } from '../dtype.ts'
import { ProgramError } from '../errors.ts'
import type { BufferIndex, KernelProgram, MemoryPlan } from './kernel.ts'
import { readsOfKernel, writesOfKernel } from './kernelAccess.ts'
import { printKernelProgram } from './kernelPrinter.ts'
import { mayOverwrite } from './memoryPlan.ts'

/** @returns the plan itself, for chaining. @throws {ProgramError} naming the buffer and the rule. */
export function checkMemoryPlan(program: KernelProgram, plan: MemoryPlan): MemoryPlan {
  const { buffers, inputs, outputs, kernels } = program
  const fail = (where: string, rule: string): never => {
    throw new ProgramError({
      operation: `memory plan of ${program.name}, ${where}`,
      rule,
      found: `\n${printKernelProgram(program)}\n${JSON.stringify(plan)}\n`,
    })
  }
  const donors = plan.donorOf.filter((donor) => donor !== -1)
  if (new Set(donors).size !== donors.length) fail('outputs', 'each input is donated at most once')

  /** The buffer whose memory a buffer uses, as text: pools, and each output or input by itself. */
  const placeOf = (buffer: BufferIndex): string => {
    const output = outputs.indexOf(buffer)
    const donor = output === -1 ? -1 : plan.donorOf[output]
    if (donor !== -1) return `buffer ${inputs[donor]}`
    return plan.poolOf[buffer] === -1 ? `buffer ${buffer}` : `pool ${plan.poolOf[buffer]}`
  }
  const holder = new Map<string, BufferIndex>(inputs.map((buffer) => [placeOf(buffer), buffer]))
  buffers.forEach(({ role, dtype, elements }, buffer) => {
    const pool = plan.poolOf[buffer]
    if (role !== 'scratch' && pool !== -1) fail(`buffer ${buffer}`, 'inputs and outputs have no pool')
    if (pool !== -1 && plan.poolBytes[pool] < elements * bytesPerElement[dtype]) {
      fail(`buffer ${buffer}`, `does not fit pool ${pool}`)
    }
  })
  kernels.forEach((kernel, position) => {
    const where = `kernel ${position}`
    const reads = new Set(readsOfKernel(kernel).map(({ buffer }) => buffer))
    for (const buffer of reads) {
      if (holder.get(placeOf(buffer)) !== buffer)
        fail(where, `buffer ${buffer} was overwritten before this read`)
    }
    for (const { buffer } of writesOfKernel(kernel)) {
      const place = placeOf(buffer)
      const previous = holder.get(place)
      const inPlace = previous !== undefined && previous !== buffer && reads.has(previous)
      if (inPlace && !mayOverwrite(kernel, buffer, previous)) {
        fail(where, `writes buffer ${buffer} over buffer ${previous} while reading that elsewhere`)
      }
      holder.set(place, buffer)
    }
  })
  for (const output of outputs) {
    const last = holder.get(placeOf(output))
    if (buffers[output].elements > 0 && last !== output) fail(`output ${output}`, 'was overwritten')
  }
  return plan
}
