/**
 * Random feed-forward networks and losses, for testing what must hold for all of them: depth, widths, activations,
 * biases and batch sizes vary, and so does the loss with its targets. A network brings its own points, so
 *
 *   await fc.assert(fc.asyncProperty(randomNetworks(), ({ model, loss, point }) =>
 *     checkGaussNewton(model, loss, point, { runs: 1 })))
 */
import type { Tensor } from '@hessian-free/tensor'
import { log1p, logSumExp, relu, sigmoid, sin, softmax, softplus, tanh } from '@hessian-free/tensor'
import * as fc from 'fast-check'
import type { OutputLoss } from '../outputCurvature.ts'
import type { GaussNewtonPoint } from './checkGaussNewton.ts'
import type { Description } from './description.ts'
import { floats } from './description.ts'

/** A dense layer; without `b` it has no bias. */
export interface Layer {
  readonly w: Tensor
  readonly b?: Tensor
}

/** A loss of float outputs and targets of the same shape [cases, outputs], with its Hessian in closed form. */
export interface NamedLoss extends OutputLoss<Tensor, Tensor> {
  readonly name: string
}

/** ½ Σ (z − t)², H = I. */
export const squaredLoss: NamedLoss = {
  name: 'squared error',
  value: (z, t) => z.subtract(t).square().sum().multiply(0.5),
  hessianProduct: (_z, _t, u) => u.multiply(1),
}

/** Σ softplus(z) − t z, H = diag(p (1 − p)) with p = sigmoid(z). */
export const logisticLoss: NamedLoss = {
  name: 'logistic cross-entropy',
  value: (z, t) => softplus(z).subtract(t.multiply(z)).sum(),
  hessianProduct: (z, _t, u) => {
    const p = sigmoid(z)
    return u.multiply(p.subtract(p.square()))
  },
}

/** Σ (Σ_j t_j) logSumExp(z) − t z, H = (Σ_j t_j) (diag(p) − ppᵀ) with p = softmax(z). */
export const softmaxLoss: NamedLoss = {
  name: 'softmax cross-entropy',
  value: (z, t) => t.multiply(logSumExp(z, -1, { keepAxes: true }).subtract(z)).sum(),
  hessianProduct: (z, t, u) => {
    const p = softmax(z)
    const weighted = p.multiply(u)
    const product = weighted.subtract(p.multiply(weighted.sum(-1, { keepAxes: true })))
    return product.multiply(t.sum(-1, { keepAxes: true }))
  },
}

/** Σ log(1 + (z − t)² / 10) + (z − t)²: convex, and without a closed form, so that its Hessian is derived. */
export const derivedLoss: NamedLoss = {
  name: 'robust error, derived Hessian',
  value: (z, t) => {
    const squares = z.subtract(t).square()
    return log1p(squares.multiply(0.1)).add(squares).sum()
  },
}

export const losses: readonly NamedLoss[] = [squaredLoss, logisticLoss, softmaxLoss, derivedLoss]

/** Activations by name. */
export const activations = { tanh, sigmoid, softplus, relu, sin } as const
export type ActivationName = keyof typeof activations

export interface NetworkOptions {
  /** Dense layers; default 1 to 4. */
  readonly layers?: { readonly minimum: number; readonly maximum: number }
  /** Units of a layer, inputs and outputs included; default 1 to 5. */
  readonly width?: { readonly minimum: number; readonly maximum: number }
  /** Cases of a batch; default 1 to 4. */
  readonly cases?: { readonly minimum: number; readonly maximum: number }
  /** Default all but `relu`, whose kinks differences cannot see past. */
  readonly activations?: readonly ActivationName[]
  readonly losses?: readonly NamedLoss[]
}

export interface RandomNetwork {
  /** `3-4-2 tanh, squared error, 5 cases`; what a counterexample shows. */
  readonly name: string
  readonly model: (layers: readonly Layer[], inputs: Tensor) => Tensor
  readonly loss: NamedLoss
  readonly widths: readonly number[]
  readonly cases: number
  /** Random points of this network. */
  readonly point: Description<GaussNewtonPoint<readonly Layer[], Tensor, Tensor>>
  toString(): string
}

const smooth: readonly ActivationName[] = ['tanh', 'sigmoid', 'softplus', 'sin']

/** The network function: h ← activation(h·w + b), with the last layer linear. */
export const dense =
  (activation: readonly ActivationName[]) =>
  (layers: readonly Layer[], inputs: Tensor): Tensor =>
    layers.reduce((h, { w, b }, i) => {
      const product = h.dot(w)
      const z = b === undefined ? product : product.add(b)
      return i === layers.length - 1 ? z : activations[activation[i]](z)
    }, inputs)

/** Networks with their losses and points. */
export function randomNetworks(options: NetworkOptions = {}): fc.Arbitrary<RandomNetwork> {
  const {
    layers = { minimum: 1, maximum: 4 },
    width = { minimum: 1, maximum: 5 },
    cases = { minimum: 1, maximum: 4 },
    activations: allowed = smooth,
    losses: allowedLosses = losses,
  } = options
  return fc
    .record({
      widths: fc.array(fc.integer({ min: width.minimum, max: width.maximum }), {
        minLength: layers.minimum + 1,
        maxLength: layers.maximum + 1,
      }),
      activation: fc.array(fc.constantFrom(...allowed), {
        minLength: layers.maximum,
        maxLength: layers.maximum,
      }),
      biases: fc.array(fc.boolean(), { minLength: layers.maximum, maxLength: layers.maximum }),
      cases: fc.integer({ min: cases.minimum, max: cases.maximum }),
      loss: fc.constantFrom(...allowedLosses),
    })
    .map(({ widths, activation, biases, cases: count, loss }): RandomNetwork => {
      const parameters = widths.slice(1).map((outputs, i) => ({
        w: floats([widths[i], outputs]),
        ...(biases[i] ? { b: floats([outputs]) } : {}),
      }))
      const used = activation.slice(0, widths.length - 2)
      const name = `${widths.join('-')} ${used.join(' ')}, ${loss.name}, ${count} cases`
      return {
        name,
        model: dense(activation),
        loss,
        widths,
        cases: count,
        point: {
          parameters,
          inputs: floats([count, widths[0]]),
          targets: floats([count, widths[widths.length - 1]], { minimum: 0 }),
        },
        toString: () => name,
      }
    })
}
