/**
 * The device side of one conjugate gradient run: it owns x, r and p and enqueues iterations without looking at
 * their results. What the numbers mean is decided by the host, in `conjugateGradientJudge.ts`.
 */
import { ArgumentError, readTensors } from '@hessian-free/tensor'
import type { Tensor, TypedArray } from '@hessian-free/tensor'
import { conjugateGradientPrograms } from './conjugateGradientPrograms.ts'
import type { ConjugateGradientPrograms, ConjugateGradientVariant } from './conjugateGradientPrograms.ts'
import type { Preconditioner } from './preconditioners/preconditioner.ts'

/** v ↦ A v. Returns a fresh tensor, which the solver frees; never v itself. */
export type LinearOperator = (v: Tensor) => Tensor

export interface RunOptions {
  readonly variant: ConjugateGradientVariant
  readonly preconditioner: Preconditioner | undefined
  readonly wantsPairs: boolean
  readonly initial: Tensor | undefined
  readonly restartIfWorse: boolean
}

/** An enqueued iteration, or the start as iteration 0; its tensors are the run's until `release`. */
export interface EnqueuedIteration {
  readonly iteration: number
  readonly x: Tensor
  readonly s?: Tensor
  readonly y?: Tensor
}

/** Iterations whose reports are on their way to the host. */
export interface Batch {
  readonly iterations: readonly EnqueuedIteration[]
  /** Number of the last iteration. */
  readonly last: number
  /** A report for each: see `startReport` for iteration 0, `report` for the others. */
  readonly reports: Promise<readonly TypedArray[]>
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

/** The vectors of the newest iteration. */
interface Direction {
  readonly p: Tensor
  readonly scalars: Tensor
}

export class ConjugateGradientRun {
  readonly #programs: ConjugateGradientPrograms
  readonly #operator: LinearOperator
  readonly #b: Tensor
  readonly #options: RunOptions
  readonly #owned = new Set<Tensor>()
  /** The newest x and r, and the start's report; absent before the start. */
  #x: Tensor | undefined
  #r: Tensor | undefined
  #started: Tensor | undefined
  /** Of the newest iteration: its direction, product and report; absent before the first. */
  #newest: (Direction & { readonly product: Tensor; readonly report: Tensor }) | undefined
  #iteration = 0
  #products = 0
  /** Iterations not yet read, and their reports. */
  #unread: { readonly enqueued: EnqueuedIteration; readonly report: Tensor }[] = []
  /** Reports that were read: the last of them may still make the next direction. */
  #read: readonly Tensor[] = []

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

  /** Enqueues the start: x₀, its residual and its report. */
  start(): void {
    const { initial, restartIfWorse } = this.#options
    const { startFrom, startFromBetter, startFromZero } = this.#programs
    const { x, r, report } =
      initial === undefined
        ? startFromZero(this.#b)
        : (restartIfWorse ? startFromBetter : startFrom)(this.#b, initial, this.#multiply(initial))
    this.#x = this.#own(x)
    this.#r = this.#own(r)
    this.#started = this.#own(report)
    this.#unread.push({ enqueued: { iteration: 0, x }, report })
  }

  /** Enqueues one iteration: the next direction from the newest residual, and a step along it. */
  advance(): void {
    const { advance, advanceWithPair } = this.#programs
    const { p, scalars } = this.#direct()
    const product = this.#multiply(p)
    const compiled = this.#options.wantsPairs ? advanceWithPair : advance
    const { report, ...next } = compiled(present(this.#x), present(this.#r), p, product, scalars)
    this.#free(this.#r)
    this.#x = this.#own(next.x)
    this.#r = this.#own(next.r)
    this.#newest = { p, scalars, product, report: this.#own(report) }
    if (next.s !== undefined) this.#own(next.s)
    if (next.y !== undefined) this.#own(next.y)
    this.#unread.push({ enqueued: { ...next, iteration: ++this.#iteration }, report })
  }

  /** Sends the reports of all iterations enqueued since the last call on their way, in one reading. */
  read(): Batch {
    const reports = this.#unread.map(({ report }) => report)
    const batch = {
      iterations: this.#unread.map(({ enqueued }) => enqueued),
      last: this.#iteration,
      reports: readTensors(reports),
    }
    // A batch that is on its way but never judged must not end the process.
    batch.reports.catch(() => undefined)
    this.#read.forEach((report) => this.#free(report))
    this.#read = reports
    this.#unread = []
    return batch
  }

  /** Hands a tensor to the caller. */
  release(tensor: Tensor): Tensor {
    this.#owned.delete(tensor)
    return tensor
  }

  /** Frees everything that was not released. */
  dispose(): void {
    for (const tensor of this.#owned) tensor.dispose()
    this.#owned.clear()
  }

  #direct(): Direction {
    const { variant, preconditioner } = this.#options
    const r = present(this.#r)
    const started = present(this.#started)
    const z =
      preconditioner === undefined || preconditioner.isIdentity === true
        ? undefined
        : this.#own(requireFresh('the preconditioner', preconditioner.apply(r), r))
    const { firstDirection, firstPlainDirection, redirect, redirectPlain } = this.#programs
    const newest = this.#newest
    const next =
      newest === undefined
        ? z === undefined
          ? firstPlainDirection(r, started)
          : firstDirection(z, r, started)
        : z === undefined
          ? redirectPlain[variant](r, newest.p, newest.product, newest.report)
          : redirect[variant](z, r, newest.p, newest.product, newest.report)
    for (const consumed of [z, newest?.p, newest?.product, newest?.scalars]) this.#free(consumed)
    return { p: this.#own(next.p), scalars: this.#own(next.scalars) }
  }

  #multiply(v: Tensor): Tensor {
    const product = this.#own(requireFresh('the operator', this.#operator(v), v))
    this.#products++
    return product
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
    rule: 'a run must be started before it advances',
  })
}
