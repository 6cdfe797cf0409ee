// Oracle: the gradient of one case at a time by plain loops, squared and averaged.
import { ArgumentError, createReferenceBackend, hostArray, maximum, tanh, tensor } from '@hessian-free/tensor'
import type { HostArray, Tensor } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { allCases, prepareSample, uploadDataset } from '../dataset.ts'
import { logisticCrossEntropy } from '../losses/logisticCrossEntropy.ts'
import { softmaxCrossEntropy } from '../losses/softmaxCrossEntropy.ts'
import { squaredError } from '../losses/squaredError.ts'
import type { Problem } from '../minimisation.ts'
import { createObjective } from '../objective.ts'
import { flattenParameters, parameterLayout } from '../parameterLayout.ts'
import { createSquaredGradients } from '../squaredGradients.ts'
import { placed, plainJacobian, plainLayers, plainOutputs } from '../testing/plainNetwork.ts'
import { smallLayers, tanhNetwork, uniformArray } from '../testing/smallProblem.ts'

const cases = 5
const labels = (shape: readonly number[], classes: number): HostArray =>
  hostArray(
    Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i * 7 + 1) % classes),
    shape,
  )

describe.each([false, true])('squared per-case gradients, optimised: %s,', (optimised) => {
  const backend = createReferenceBackend({ optimise: optimised })
  const parameter = (seed: number, shape: readonly number[]): Tensor =>
    tensor(uniformArray(seed, shape), { backend })

  /** The mean of squares for a sample cut at `length`, and by single cases through the objective. */
  async function both<P>(problem: Problem<P>, parameters: P, inputs: HostArray, targets: HostArray) {
    const layout = parameterLayout(parameters)
    const theta = flattenParameters(layout, parameters)
    const data = uploadDataset({ inputs, targets }, backend)
    const objective = createObjective(problem, layout, 1)
    const wanted = new Float64Array(layout.size)
    for (let i = 0; i < cases; i++) {
      const single = prepareSample(data, Uint32Array.of(i), 1, 'float64')
      const { gradient } = await objective.gradient(theta, single)
      gradient.readSync().forEach((value: number, j: number) => (wanted[j] += (value * value) / cases))
    }
    const squares = createSquaredGradients(problem, layout)
    const found = [2, cases, 8].map((length) =>
      squares.mean(theta, prepareSample(data, allCases(data), length, 'float64')).readSync(),
    )
    return { found, wanted }
  }

  function expectEqual({
    found,
    wanted,
  }: {
    found: readonly ArrayLike<number>[]
    wanted: Float64Array
  }): void {
    const largest = Math.max(...wanted)
    expect(largest).toBeGreaterThan(1e-4)
    for (const values of found) {
      wanted.forEach((value, j) => expect(Math.abs(values[j] - value)).toBeLessThan(1e-13 * largest))
    }
  }

  it('of dense layers are those of plain loops', () => {
    const layers = smallLayers(backend, [3, 4, 2])
    const layout = parameterLayout(layers)
    const theta = flattenParameters(layout, layers)
    const [inputs, targets] = [uniformArray(1, [cases, 3]), uniformArray(2, [cases, 2])]
    const data = uploadDataset({ inputs, targets }, backend)
    const plain = plainLayers(layers)
    const wanted = new Float64Array(layout.size)
    for (let i = 0; i < cases; i++) {
      const x = [...inputs.data.slice(3 * i, 3 * i + 3)]
      const slopes = plainOutputs(plain, x).map((z, k) => z - targets.data[2 * i + k])
      const rows = plainJacobian(plain, x).map((tree) => placed(layout, theta, tree))
      wanted.forEach((_, j) => {
        const g = slopes.reduce((sum, slope, k) => sum + slope * rows[k][j], 0)
        wanted[j] += (g * g) / cases
      })
    }
    const squares = createSquaredGradients({ model: tanhNetwork, loss: squaredError() }, layout)
    const found = [1, 2, cases, 8].map((length) =>
      squares.mean(theta, prepareSample(data, allCases(data), length, 'float64')).readSync(),
    )
    expectEqual({ found, wanted })
  })

  it('of classifiers are those of single cases', async () => {
    const layers = smallLayers(backend, [3, 4, 3])
    const problem = { model: tanhNetwork, loss: softmaxCrossEntropy() }
    expectEqual(await both(problem, layers, uniformArray(1, [cases, 3]), labels([cases], 3)))
  })

  it('of weights that two layers share count the whole gradient of a case, cross terms included', async () => {
    const model = ({ w, b }: { w: Tensor; b: Tensor }, x: Tensor): Tensor =>
      tanh(x.dot(w).add(b)).dot(w.transpose()).add(b)
    const parameters = { w: parameter(3, [4, 4]), b: parameter(4, [4]) }
    const targets = uniformArray(6, [cases, 4])
    for (const loss of [squaredError(), logisticCrossEntropy()]) {
      expectEqual(await both({ model, loss }, parameters, uniformArray(5, [cases, 4]), targets))
    }
  })

  it('of sequences square the sum over time of a case, for weights and biases alike', async () => {
    const model = (p: { w: Tensor; b: Tensor; v: Tensor; c: Tensor }, x: Tensor): Tensor =>
      tanh(x.dot(p.w).add(p.b)).dot(p.v).add(p.c)
    const parameters = {
      w: parameter(1, [3, 4]),
      b: parameter(2, [4]),
      v: parameter(3, [4, 3]),
      c: parameter(4, [3]),
    }
    const inputs = uniformArray(5, [cases, 6, 3])
    expectEqual(await both({ model, loss: softmaxCrossEntropy() }, parameters, inputs, labels([cases, 6], 3)))
    const targets = uniformArray(6, [cases, 6, 3])
    expectEqual(await both({ model, loss: squaredError() }, parameters, inputs, targets))
  })

  it('of a scale and a shift that every unit shares are those of single cases', async () => {
    const model = (p: { scale: Tensor; shift: Tensor }, x: Tensor): Tensor =>
      tanh(x.multiply(p.scale)).add(p.shift)
    const parameters = { scale: parameter(1, []), shift: parameter(2, [1]) }
    const inputs = uniformArray(5, [cases, 3])
    expectEqual(await both({ model, loss: squaredError() }, parameters, inputs, uniformArray(6, [cases, 3])))
  })

  it('of a recurrent network that runs over time are those of single cases', async () => {
    const steps = 3
    const model = (p: { u: Tensor; r: Tensor; b: Tensor; v: Tensor }, x: Tensor): Tensor => {
      const at = (time: number): Tensor => {
        const [n, , width] = x.shape
        return x.slice([0, time, 0], [n, time + 1, width]).reshape([n, width])
      }
      let h = tanh(at(0).dot(p.u).add(p.b))
      for (let time = 1; time < steps; time++) h = tanh(at(time).dot(p.u).add(h.dot(p.r)).add(p.b))
      return h.dot(p.v)
    }
    const parameters = {
      u: parameter(1, [2, 4]),
      r: parameter(2, [4, 4]),
      b: parameter(3, [4]),
      v: parameter(4, [4, 2]),
    }
    const inputs = uniformArray(5, [cases, steps, 2])
    expectEqual(await both({ model, loss: squaredError() }, parameters, inputs, uniformArray(6, [cases, 2])))
  })

  it('of rectified residual layers over flattened sequences, with pooling over time, are those of single cases', async () => {
    const model = (p: { w: Tensor; g: Tensor; v: Tensor }, x: Tensor): Tensor => {
      const [n, time, width] = x.shape
      const hidden = x.add(maximum(x.dot(p.w), 0).multiply(p.g))
      return hidden
        .reshape([n, time * width])
        .dot(p.v)
        .add(hidden.mean(1))
    }
    const parameters = { w: parameter(1, [3, 3]), g: parameter(2, [4, 3]), v: parameter(3, [12, 3]) }
    const inputs = uniformArray(5, [cases, 4, 3])
    expectEqual(await both({ model, loss: softmaxCrossEntropy() }, parameters, inputs, labels([cases], 3)))
  })

  it('are zero for parameters that the loss does not depend on', async () => {
    const model = (p: { w: Tensor; unused: Tensor }, x: Tensor): Tensor => x.dot(p.w)
    const parameters = { w: parameter(1, [3, 2]), unused: parameter(2, [7]) }
    const inputs = uniformArray(5, [cases, 3])
    const result = await both(
      { model, loss: squaredError() },
      parameters,
      inputs,
      uniformArray(6, [cases, 2]),
    )
    expectEqual(result)
    expect([...result.found[0].slice(64)].every((value) => value === 0)).toBe(true)
  })

  it.each([
    ['subtract their mean', (x: Tensor) => x.subtract(x.mean(0))],
    ['are divided by their spread', (x: Tensor) => x.divide(x.square().mean(0).add(1).sqrt())],
    [
      'are mixed by a constant matrix',
      (x: Tensor) => tensor(uniformArray(9, [cases, cases]), { backend }).dot(x),
    ],
    ['are multiplied with each other', (x: Tensor) => x.dot(x.transpose()).dot(x)],
  ])('are refused for activations that %s, with what to use instead', (_, meet) => {
    const layers = smallLayers(backend, [3, 4, 2])
    const layout = parameterLayout(layers)
    const theta = flattenParameters(layout, layers)
    const data = uploadDataset(
      { inputs: uniformArray(1, [cases, 3]), targets: uniformArray(2, [cases, 2]) },
      backend,
    )
    const model = ([first, ...rest]: typeof layers, x: Tensor): Tensor =>
      tanhNetwork(rest, meet(tanh(x.dot(first.w).add(first.b))))
    const squares = createSquaredGradients({ model, loss: squaredError() }, layout)
    const sample = prepareSample(data, allCases(data), cases, 'float64')
    expect(() => squares.mean(theta, sample)).toThrow(ArgumentError)
    expect(() => squares.mean(theta, sample)).toThrow(/perCaseSquares.*L-BFGS/)
  })
})
