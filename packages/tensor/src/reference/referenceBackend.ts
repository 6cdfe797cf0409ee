/**
 * The reference backend: every dtype, float64 included, by plain loops in TypeScript. It defines what programs
 * mean; other backends are tested against it. By default it interprets a program equation by equation; with
 * `optimise` it goes through the shared passes, fusion and memory plan and interprets the kernels, which tests
 * those without any code generation.
 */
import type { Backend, CompileOptions, DeviceBuffer, Executable, ExecutableSummary } from '../backend.ts'
import type { Dtype, TypedArray } from '../dtype.ts'
import { bytesPerElement } from '../dtype.ts'
import { BackendError, LifetimeError } from '../errors.ts'
import type { HostArray } from '../hostArray.ts'
import { summarize } from '../kernel/kernelCost.ts'
import { lower } from '../kernel/lower.ts'
import { planMemory } from '../kernel/memoryPlan.ts'
import { optimise } from '../passes/optimise.ts'
import type { Equation, Program, Value } from '../program/program.ts'
import { formatType } from '../program/program.ts'
import { evaluateEquation } from './evaluationRules.ts'
import type { HostOperand } from './hostOperand.ts'
import { interpretKernels } from './kernelInterpreter.ts'

export interface ReferenceOptions {
  /** Run the shared passes, fusion and memory plan; default false. */
  readonly optimise?: boolean
}

/** A buffer is a host array; `data` is undefined once released. */
class ReferenceBuffer implements DeviceBuffer, HostArray {
  readonly bytes: number
  readonly shape: readonly number[]
  readonly dtype: Dtype
  #data: TypedArray | undefined

  constructor(operand: HostOperand) {
    this.shape = operand.shape
    this.dtype = operand.dtype
    this.bytes = operand.data.length * bytesPerElement[operand.dtype]
    this.#data = operand.data
  }

  get data(): TypedArray {
    if (this.#data !== undefined) return this.#data
    throw new LifetimeError({
      operation: 'reference backend',
      rule: 'the buffer must not have been released',
      found: formatType(this),
    })
  }

  /** Gives the array up; undefined if that has happened already. */
  take(): TypedArray | undefined {
    const data = this.#data
    this.#data = undefined
    return data
  }
}

function interpret(program: Program, inputs: readonly HostOperand[]): HostOperand[] {
  const values = new Map<Value, HostOperand>()
  program.inputs.forEach((value, i) => values.set(value, inputs[i]))
  const operandOf = (value: Value): HostOperand => values.get(value) as HostOperand
  const evaluate = (equation: Equation): HostOperand[] => {
    const operands = equation.inputs.map(operandOf)
    if (equation.primitive === 'call') return interpret(equation.parameters.program, operands)
    return [evaluateEquation(equation, operands)]
  }
  for (const equation of program.equations) {
    evaluate(equation).forEach((result, i) => values.set(equation.outputs[i], result))
  }
  return program.outputs.map(operandOf)
}

const isDot = ({ primitive }: Equation): boolean => primitive === 'dot'

/** Counts for a program that is interpreted as it stands. */
function summaryOf(program: Program): ExecutableSummary {
  const flops = program.equations.filter(isDot).map(({ inputs: [lhs], outputs: [result], parameters }) => {
    const { lhsContract } = parameters as { readonly lhsContract: readonly number[] }
    const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
    return 2 * size(result.shape) * size(lhsContract.map((axis) => lhs.shape[axis]))
  })
  return {
    kernels: program.equations.map(
      ({ primitive, outputs }) => `${primitive} ${outputs.map(formatType).join(', ')}`,
    ),
    matrixProducts: flops.length,
    matrixProductFlops: flops.reduce((a, b) => a + b, 0),
    scratchBytes: 0,
  }
}

/** @param options see `ReferenceOptions`. */
export function createReferenceBackend(options: ReferenceOptions = {}): Backend {
  let liveBuffers = 0
  let liveBytes = 0
  let peakBytes = 0
  let disposed = false

  const adopt = (operand: HostOperand): ReferenceBuffer => {
    const buffer = new ReferenceBuffer(operand)
    liveBuffers++
    liveBytes += buffer.bytes
    peakBytes = Math.max(peakBytes, liveBytes)
    return buffer
  }
  const own = (buffer: DeviceBuffer): ReferenceBuffer => {
    if (buffer instanceof ReferenceBuffer) return buffer
    throw new BackendError({
      operation: 'reference backend',
      rule: 'the buffer must be one of this backend',
      found: formatType(buffer),
    })
  }
  const release = (buffer: DeviceBuffer): void => {
    const mine = own(buffer)
    if (mine.take() === undefined) return
    liveBuffers--
    liveBytes -= mine.bytes
  }

  const compile = (original: Program, { donate = [] }: CompileOptions = {}): Executable => {
    const program = options.optimise === true ? optimise(original) : original
    const kernels = options.optimise === true ? lower(program) : undefined
    const plan = kernels === undefined ? undefined : planMemory(kernels, donate)
    const evaluate =
      kernels === undefined || plan === undefined
        ? (inputs: readonly HostOperand[]) =>
            interpret(program, inputs).map((result) => ({ ...result, data: result.data.slice() }))
        : (inputs: readonly HostOperand[]) => interpretKernels(kernels, plan, program.outputs, inputs)
    let usable = true
    return {
      program,
      summary: kernels === undefined || plan === undefined ? summaryOf(program) : summarize(kernels, plan),
      run: (inputs) => {
        if (!usable || disposed) {
          throw new BackendError({
            operation: `run ${program.name}`,
            rule: 'the executable must not have been disposed of',
          })
        }
        const operands = inputs.map(own)
        const results = evaluate(operands)
        for (const position of donate) release(operands[position])
        return results.map(adopt)
      },
      dispose: () => {
        usable = false
      },
    }
  }

  return {
    name: options.optimise === true ? 'reference (optimised)' : 'reference',
    supports: () => true,
    tolerance: (dtype) => (dtype === 'float64' ? 2 ** -52 : dtype === 'float32' ? 2 ** -23 : 0),
    upload: ({ data, shape, dtype }) => adopt({ data: data.slice(), shape, dtype }),
    read: (buffer) => Promise.resolve(own(buffer).data.slice()),
    readSync: (buffer) => own(buffer).data.slice(),
    release,
    compile,
    synchronize: () => Promise.resolve(),
    memory: () => ({ liveBuffers, liveBytes, peakBytes, scratchBytes: 0, reservedBytes: liveBytes }),
    dispose: () => {
      disposed = true
    },
  }
}
