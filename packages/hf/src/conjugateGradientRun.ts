/**
 * The device side of one conjugate gradient run: it owns x, r and p and enqueues iterations without looking at
 * their results. What the numbers mean is decided by the host, in `conjugateGradient.ts`.
 */
import { ArgumentError } from '@hessian-free/tensor'
import type { Tensor, TypedArray } from '@hessian-free/tensor'
import { conjugateGradientPrograms, startReport } from './conjugateGradientPrograms.ts'
import type {
  ConjugateGradientPrograms,
  ConjugateGradientVariant,
  Start,
} from './conjugateGradientPrograms.ts'
import type { Preconditioner } from './preconditioners/preconditioner.ts'
import type { ConjugateGradientStart } from './stopRules/stopRule.ts'

/** v ↦ A v. Returns a fresh tensor, which the solver frees; never v itself. */
export type LinearOperator = (v: Tensor) => Tensor

export interface RunOptions {
  readonly variant: ConjugateGradientVariant
  readonly preconditioner: Preconditioner | undefined
  readonly wantsPairs: boolean
}

/** An enqueued iteration; its tensors are the run's until `release`. */
export interface EnqueuedIteration {
  readonly iteration: number
  readonly x: Tensor
  readonly s?: Tensor
  readonly y?: Tensor
  readonly report: Tensor
  readonly reading: Promise<TypedArray>
}

function requireFresh(what: string, result: Tensor, argument: Tensor): Tensor {
  if (result !== argument) return result
  throw new ArgumentError({
    operation: 'conjugateGradient',
    rule: `${what} must return a fresh tensor`,
    found: 'its argument',
    remedy: 'Return a copy: the solver frees what it is given',
  })
}

export class ConjugateGradientRun {
  readonly #programs: ConjugateGradientPrograms
  readonly #operator: LinearOperator
  readonly #b: Tensor
  readonly #options: RunOptions
  readonly #owned = new Set<Tensor>()
  /** The newest x, r, p and the scalars of p; absent before `start` and `direct`. */
  #x: Tensor | undefined
  #r: Tensor | undefined
  #p: Tensor | undefined
  #scalars: Tensor | undefined
  /** Product and report of the newest iteration, until the direction is updated with them. */
  #product: Tensor | undefined
  #report: Tensor | undefined
  #iteration = 0
  #products = 0

  constructor(operator: LinearOperator, b: Tensor, options: RunOptions) {
    this.#programs = conjugateGradientPrograms(b.backend)
    this.#operator = operator
    this.#b = b
    this.#options = options
  }

  /** Products with A so far. */
  get products(): number {
    return this.#products
  }

  /** The newest iterate; the run's until `release`. */
  get x(): Tensor {
    return present(this.#x)
  }

  /** Sets x₀ and its residual. Reads φ(x₀), which decides whether a warm start is used. */
  async start(initial: Tensor | undefined, restartIfWorse: boolean): Promise<ConjugateGradientStart> {
    if (initial !== undefined) {
      const product = this.#multiply(initial)
      const warm = await this.#begin(this.#programs.startFrom(this.#b, initial, product), 'warmStart')
      if (!restartIfWorse || warm.phi <= 0) return warm
      this.#free(this.#x)
      this.#free(this.#r)
    }
    const from = initial === undefined ? 'zero' : 'restarted'
    return this.#begin(this.#programs.startFromZero(this.#b), from)
  }

  async #begin(
    { x, r, scalars }: Start,
    from: ConjugateGradientStart['from'],
  ): Promise<ConjugateGradientStart> {
    this.#x = this.#own(x)
    this.#r = this.#own(r)
    const values = await this.#own(scalars).read()
    this.#free(scalars)
    return {
      from,
      phi: values[startReport.phi],
      residualNorm: Math.sqrt(values[startReport.rr]),
      iterateNorm: Math.sqrt(values[startReport.xx]),
      rightHandSideNorm: Math.sqrt(values[startReport.bb]),
    }
  }

  /** Makes the next direction from the newest residual. */
  direct(): void {
    const { variant, preconditioner } = this.#options
    const r = present(this.#r)
    const z =
      preconditioner === undefined || preconditioner.isIdentity === true
        ? undefined
        : this.#own(requireFresh('the preconditioner', preconditioner.apply(r), r))
    const { firstDirection, firstPlainDirection, redirect, redirectPlain } = this.#programs
    const [p, product, report] = [this.#p, this.#product, this.#report]
    const next =
      p === undefined || product === undefined || report === undefined
        ? z === undefined
          ? firstPlainDirection(r)
          : firstDirection(z, r)
        : z === undefined
          ? redirectPlain[variant](r, p, product, report)
          : redirect[variant](z, r, p, product, report)
    for (const consumed of [z, p, product, this.#scalars]) this.#free(consumed)
    this.#p = this.#own(next.p)
    this.#scalars = this.#own(next.scalars)
  }

  /** Enqueues one iteration along the newest direction. */
  advance(): EnqueuedIteration {
    const { advance, advanceWithPair } = this.#programs
    const p = present(this.#p)
    const product = this.#multiply(p)
    const compiled = this.#options.wantsPairs ? advanceWithPair : advance
    const next = compiled(this.x, present(this.#r), p, product, this.#b, present(this.#scalars))
    this.#free(this.#r)
    this.#x = this.#own(next.x)
    this.#r = this.#own(next.r)
    this.#product = product
    this.#report = this.#own(next.report)
    if (next.s !== undefined) this.#own(next.s)
    if (next.y !== undefined) this.#own(next.y)
    const reading = next.report.read()
    // An iteration that is enqueued but never judged must not end the process.
    reading.catch(() => undefined)
    return { ...next, iteration: ++this.#iteration, reading }
  }

  /** Hands a tensor to the caller. */
  release(tensor: Tensor): Tensor {
    this.#owned.delete(tensor)
    return tensor
  }

  /** Frees the small change of an iteration that was judged and whose successor was directed. */
  retire({ report }: EnqueuedIteration): void {
    this.#free(report)
  }

  /** Frees everything that was not released. */
  dispose(): void {
    for (const tensor of this.#owned) tensor.dispose()
    this.#owned.clear()
  }

  #multiply(v: Tensor): Tensor {
    this.#products++
    return this.#own(requireFresh('the operator', this.#operator(v), v))
  }

  #own(tensor: Tensor): Tensor {
    this.#owned.add(tensor)
    return tensor
  }

  /** Also for tensors that a program has consumed: disposing of those does nothing. */
  #free(tensor: Tensor | undefined): void {
    if (tensor === undefined) return
    this.#owned.delete(tensor)
    tensor.dispose()
  }
}

function present(tensor: Tensor | undefined): Tensor {
  if (tensor !== undefined) return tensor
  throw new ArgumentError({
    operation: 'conjugateGradient',
    rule: 'a run must be started and directed before it advances',
  })
}
