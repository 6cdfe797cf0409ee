/**
 * The reference backend: every dtype, float64 included, by plain loops in TypeScript. It defines what programs
 * mean; the other backends are tested against it. By default it interprets a program equation by equation; with
 * `optimise` it goes through the shared passes, fusion and memory plan and interprets the kernels, which tests
 * those without any code generation.
 */
import type { Backend, CompileOptions, Executable, ExecutableSummary } from '../backend.ts'
import { BackendError } from '../errors.ts'
import { requireInputs } from '../executableInputs.ts'
import type { HostArray } from '../hostArray.ts'
import { summarize } from '../kernel/kernelCost.ts'
import { lower } from '../kernel/lower.ts'
import { planMemory } from '../kernel/memoryPlan.ts'
import { optimise } from '../passes/optimise.ts'
import type { Program } from '../program/program.ts'
import { evaluateProgram } from './evaluationRules.ts'
import { HostBuffers } from './hostBuffers.ts'
import { interpretKernels } from './kernelInterpreter.ts'
import { summarizeProgram } from './programSummary.ts'

export interface ReferenceOptions {
  /** Run the shared passes, fusion and memory plan, and interpret the kernels; default false. */
  readonly optimise?: boolean
}

/** A program made ready: the results are fresh arrays, or the storage of donated inputs. */
interface Prepared {
  readonly program: Program
  readonly summary: ExecutableSummary
  readonly evaluate: (inputs: readonly HostArray[]) => readonly HostArray[]
}

/** The results of an interpreted program may be its inputs, or one array twice: every one is copied. */
const prepareInterpreted = (program: Program): Prepared => ({
  program,
  summary: summarizeProgram(program),
  evaluate: (inputs) =>
    evaluateProgram(program, inputs).map((result) => ({ ...result, data: result.data.slice() })),
})

function prepareOptimised(original: Program, donate: readonly number[]): Prepared {
  const program = optimise(original)
  const kernels = lower(program, { productPrologues: true })
  const plan = planMemory(kernels, donate)
  return {
    program,
    summary: summarize(kernels, plan),
    evaluate: (inputs) =>
      interpretKernels(
        kernels,
        plan,
        inputs.map(({ data }) => data),
      ).map((data, i) => ({ shape: program.outputs[i].shape, dtype: program.outputs[i].dtype, data })),
  }
}

/**
 * A backend on the JavaScript heap. Runs finish before `run` returns, and all buffers can be read at once.
 * Executables keep no scratch memory between runs.
 */
export function createReferenceBackend({ optimise: optimised = false }: ReferenceOptions = {}): Backend {
  const name = optimised ? 'reference (optimised)' : 'reference'
  const buffers = new HostBuffers(name)
  let disposed = false

  const requireUsable = (operation: string, usable = true): void => {
    if (usable && !disposed) return
    throw new BackendError({
      operation,
      rule: `the ${disposed ? `${name} backend` : 'executable'} must not have been disposed of`,
    })
  }
  const compile = (original: Program, { donate = [] }: CompileOptions = {}): Executable => {
    requireUsable(`compile ${original.name}`)
    const { program, summary, evaluate } = optimised
      ? prepareOptimised(original, donate)
      : prepareInterpreted(original)
    let usable = true
    return {
      program,
      summary,
      run: (inputs) => {
        const operation = `run ${program.name}`
        requireUsable(operation, usable)
        const arrays = inputs.map((buffer) => buffers.contents(operation, buffer))
        requireInputs(program, inputs, donate)
        const results = evaluate(arrays)
        for (const position of donate) buffers.release(operation, inputs[position])
        return results.map((result) => buffers.adopt(result))
      },
      dispose: () => {
        usable = false
      },
    }
  }
  const readSync: Backend['readSync'] = (buffer) => buffers.contents('read', buffer).data.slice()

  return {
    name,
    supports: () => true,
    tolerance: (dtype) => (dtype === 'float64' ? 2 ** -52 : dtype === 'float32' ? 2 ** -23 : 0),
    upload: ({ data, shape, dtype }) => {
      requireUsable('upload')
      return buffers.adopt({ data: data.slice(), shape: [...shape], dtype })
    },
    read: async (buffer) => readSync(buffer),
    readSync,
    // A finaliser may release a tensor after its backend is gone.
    release: (buffer) => {
      if (!disposed) buffers.release('release', buffer)
    },
    compile,
    synchronize: () => Promise.resolve(),
    memory: () => buffers.statistics(),
    dispose: () => {
      buffers.clear()
      disposed = true
    },
  }
}
