/**
 * The vector algebra of one conjugate gradient iteration as compiled programs. Step length, conjugation and all
 * inner products stay on the device as scalars of one small vector, which the host may read late:
 *
 *   advance:   α = z·r / p·Ap,  x' = x + α p,  r' = r − α Ap   (s = αp, y = αAp if pairs are wanted)
 *              report = [p·Ap, r·z, β, α, φ(x'), ‖r'‖², ‖x'‖²],   φ(x') = φ(x) − ½ α z·r
 *   redirect:  p' = z' + β p  with  β = −z'·Ap / p·Ap (flexible)  or  z'·r' / z·r (standard)
 *
 * α and φ(x') are what p·r = z·r makes of p·r / p·Ap and φ(x) − α p·r + ½ α² p·Ap: a step to the minimum along p
 * leaves p·r' = 0, so p'·r' = z'·r' whatever β and the preconditioner are. That saves two passes, and differences of φ,
 * which stop rules look at, lose no digits to φ. φ(x₀) is measured: −½ (r + b)·x, from Ax = b − r. r, p and Ap are
 * updated in place; x is not, because the iterate before must survive until the host has seen that the step was sound.
 * `conjugateGradientPrograms.test.ts` counts the passes over vectors.
 */
import type { Backend, CompiledFunction, Tensor } from '@hessian-free/tensor'
import { concatenate, jit, lessEqual, select, zerosLike } from '@hessian-free/tensor'

/** Positions in the report of an iteration. */
export const report = { curvature: 0, rz: 1, conjugation: 2, step: 3, phi: 4, rr: 5, xx: 6 } as const
/** Positions in the report of the start; `given` is φ at the initial vector as it was given. */
export const startReport = { phi: 0, rr: 1, bb: 2, xx: 3, given: 4 } as const
/** Positions in the scalars of a direction. */
const direction = { rz: 0, conjugation: 1, phi: 2 } as const

export type ConjugateGradientVariant = 'flexible' | 'standard'

export interface Start {
  readonly x: Tensor
  readonly r: Tensor
  readonly report: Tensor
}

export interface Direction {
  readonly p: Tensor
  /** [z·r, β, φ(x)]. */
  readonly scalars: Tensor
}

export interface Advance {
  readonly x: Tensor
  readonly r: Tensor
  readonly report: Tensor
  /** Absent unless asked for. */
  readonly s?: Tensor
  readonly y?: Tensor
}

export interface ConjugateGradientPrograms {
  readonly startFromZero: CompiledFunction<[b: Tensor], Start>
  readonly startFrom: CompiledFunction<[b: Tensor, x: Tensor, product: Tensor], Start>
  /** From x if φ(x) ≤ 0, else from zero: the device decides, so that the host need not wait to go on. */
  readonly startFromBetter: CompiledFunction<[b: Tensor, x: Tensor, product: Tensor], Start>
  /** With a preconditioner, z is consumed; without, z is r and stays. */
  readonly firstDirection: CompiledFunction<[z: Tensor, r: Tensor, startReport: Tensor], Direction>
  readonly firstPlainDirection: CompiledFunction<[r: Tensor, startReport: Tensor], Direction>
  readonly advance: CompiledFunction<AdvanceArguments, Advance>
  readonly advanceWithPair: CompiledFunction<AdvanceArguments, Advance>
  readonly redirect: Readonly<
    Record<
      ConjugateGradientVariant,
      CompiledFunction<[z: Tensor, r: Tensor, p: Tensor, product: Tensor, report: Tensor], Direction>
    >
  >
  readonly redirectPlain: Readonly<
    Record<
      ConjugateGradientVariant,
      CompiledFunction<[r: Tensor, p: Tensor, product: Tensor, report: Tensor], Direction>
    >
  >
}

type AdvanceArguments = [x: Tensor, r: Tensor, p: Tensor, product: Tensor, scalars: Tensor]

const inner = (a: Tensor, b: Tensor): Tensor => a.multiply(b).sum()
const pack = (scalars: readonly Tensor[]): Tensor => concatenate(scalars.map((scalar) => scalar.reshape([1])))
const unpack = (vector: Tensor, position: number): Tensor =>
  vector.slice([position], [position + 1]).reshape([])
const phiAt = (x: Tensor, r: Tensor, b: Tensor): Tensor => inner(r.add(b), x).multiply(-0.5)

const start = (b: Tensor, x: Tensor, r: Tensor, phi: Tensor, given: Tensor): Start => ({
  x,
  r,
  report: pack([phi, inner(r, r), inner(b, b), inner(x, x), given]),
})

const startFromZero = (b: Tensor): Start => {
  const x = zerosLike(b)
  const phi = phiAt(x, b, b)
  return start(b, x, b, phi, phi)
}

const startFrom = (b: Tensor, x: Tensor, product: Tensor): Start => {
  const r = b.subtract(product)
  const phi = phiAt(x, r, b)
  return start(b, x, r, phi, phi)
}

/** Selected, not multiplied by 0 or 1: a NaN must not survive, and φ(x) = NaN is not ≤ 0. */
const startFromBetter = (b: Tensor, x: Tensor, product: Tensor): Start => {
  const r = b.subtract(product)
  const given = phiAt(x, r, b)
  const better = lessEqual(given, 0)
  return start(b, select(better, x, 0), select(better, r, b), select(better, given, 0), given)
}

/** z·r, or r·r as the report has it where there is no z. */
const first = (z: Tensor, rz: Tensor, started: Tensor): Direction => ({
  p: z,
  scalars: pack([rz, zerosLike(rz), unpack(started, startReport.phi)]),
})

const advance = (x: Tensor, r: Tensor, p: Tensor, product: Tensor, scalars: Tensor): Required<Advance> => {
  const curvature = inner(p, product)
  const rz = unpack(scalars, direction.rz)
  const alpha = rz.divide(curvature)
  const s = p.multiply(alpha)
  const y = product.multiply(alpha)
  const nextX = x.add(s)
  const nextR = r.subtract(y)
  const phi = unpack(scalars, direction.phi).subtract(alpha.multiply(rz).multiply(0.5))
  const measured = [curvature, rz, unpack(scalars, direction.conjugation), alpha, phi]
  const norms = [inner(nextR, nextR), inner(nextX, nextX)]
  return { x: nextX, r: nextR, report: pack([...measured, ...norms]), s, y }
}

/** The denominators come from the report on the device: nothing waits for the host. */
const redirect =
  (variant: ConjugateGradientVariant) =>
  (z: Tensor, rz: Tensor, p: Tensor, product: Tensor, last: Tensor): Direction => {
    const beta =
      variant === 'flexible'
        ? inner(z, product).divide(unpack(last, report.curvature)).negate()
        : rz.divide(unpack(last, report.rz))
    return { p: z.add(p.multiply(beta)), scalars: pack([rz, beta, unpack(last, report.phi)]) }
  }

function compile(): ConjugateGradientPrograms {
  const redirections = (variant: ConjugateGradientVariant) =>
    jit(
      (z: Tensor, r: Tensor, p: Tensor, product: Tensor, last: Tensor) =>
        redirect(variant)(z, inner(z, r), p, product, last),
      { name: `redirect_${variant}`, donate: [0, 2, 3] },
    )
  const plainRedirections = (variant: ConjugateGradientVariant) =>
    jit(
      (r: Tensor, p: Tensor, product: Tensor, last: Tensor) =>
        redirect(variant)(r, unpack(last, report.rr), p, product, last),
      { name: `redirectPlain_${variant}`, donate: [1, 2] },
    )
  return {
    startFromZero: jit(startFromZero),
    startFrom: jit(startFrom, { donate: [2] }),
    startFromBetter: jit(startFromBetter, { donate: [2] }),
    firstDirection: jit((z: Tensor, r: Tensor, started: Tensor) => first(z, inner(z, r), started), {
      name: 'firstDirection',
      donate: [0],
    }),
    firstPlainDirection: jit(
      (r: Tensor, started: Tensor) => first(r, unpack(started, startReport.rr), started),
      { name: 'firstPlainDirection' },
    ),
    advance: jit(
      (...vectors: AdvanceArguments): Advance => {
        const { x, r, report } = advance(...vectors)
        return { x, r, report }
      },
      { name: 'advance', donate: [1] },
    ),
    advanceWithPair: jit((...vectors: AdvanceArguments): Advance => advance(...vectors), {
      name: 'advanceWithPair',
      donate: [1],
    }),
    redirect: { flexible: redirections('flexible'), standard: redirections('standard') },
    redirectPlain: { flexible: plainRedirections('flexible'), standard: plainRedirections('standard') },
  }
}

const compiled = new WeakMap<Backend, ConjugateGradientPrograms>()

/** The programs for a backend, compiled once and for all runs on it; they live as long as the backend. */
export function conjugateGradientPrograms(backend: Backend): ConjugateGradientPrograms {
  let programs = compiled.get(backend)
  if (programs === undefined) compiled.set(backend, (programs = compile()))
  return programs
}
