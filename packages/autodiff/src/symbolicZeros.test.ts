// What is *not* computed: programs are looked at equation by equation, and executables by their summaries.
import type { Program, Tensor, TensorType } from '@hessian-free/tensor'
import {
  createReferenceBackend,
  createWasmBackend,
  exp,
  isWasmSupported,
  printProgram,
  tanh,
  tensor,
  traceClosed,
} from '@hessian-free/tensor'
import type { Backend } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { gaussNewtonProduct, gradientProgram, jvpProgram, linearizeProgram } from './index.ts'
import { dense, logisticLoss } from './testing/index.ts'

const f64 = (...shape: number[]): TensorType => ({ shape, dtype: 'float64' })
const widths = [6, 5, 4, 3]
const cases = 2

/** inputs: x, then w and b of each layer. */
const network: Program = traceClosed(
  'network',
  [f64(cases, widths[0]), ...widths.slice(1).flatMap((n, i) => [f64(widths[i], n), f64(n)])],
  ([x, ...leaves]) => {
    const layers = widths.slice(1).map((_, i) => ({ w: leaves[2 * i], b: leaves[2 * i + 1] }))
    return [dense(['tanh', 'tanh'])(layers, x)]
  },
)
const inParameters = network.inputs.map((_, i) => i > 0)

const count = (program: Program, primitive: string): number =>
  program.equations.filter((equation) => equation.primitive === primitive).length

/** Arrays of zeros: fills of 0 with a shape. */
const zeroArrays = (program: Program): number =>
  program.equations.filter(
    (e) => e.primitive === 'fill' && e.parameters.value === 0 && e.parameters.shape.length > 0,
  ).length

describe('symbolic zeros', () => {
  it('leave no product with the tangent of the data: one product fewer in the first layer', () => {
    const { program } = jvpProgram(network, inParameters)
    // Three products of the network itself; tangents need one in the first layer and two in each other one.
    expect(count(program, 'dot')).toBe(3 + 1 + 2 + 2)
    expect(zeroArrays(program)).toBe(0)
  })

  it('leave nothing but the derivative in the data when only the data is differentiated', () => {
    const { program } = jvpProgram(
      network,
      inParameters.map((active) => !active),
    )
    expect(count(program, 'dot')).toBe(3 + 3)
  })

  it('make a program without active inputs its own derivative', () => {
    const { program, hasTangent } = jvpProgram(
      network,
      network.inputs.map(() => false),
    )
    expect(hasTangent).toEqual([false])
    expect(program.equations).toHaveLength(network.equations.length)
  })

  it('make the gradient cost two products per layer after the first, and one in it', () => {
    const program = gradientProgram(
      traceClosed('loss', network.inputs, (inputs) => {
        const [x, ...leaves] = inputs
        const layers = widths.slice(1).map((_, i) => ({ w: leaves[2 * i], b: leaves[2 * i + 1] }))
        return [dense(['tanh', 'tanh'])(layers, x).square().sum()]
      }),
      inParameters,
    )
    expect(count(program, 'dot')).toBe(3 + 1 + 2 + 2)
    expect(zeroArrays(program)).toBe(0)
  })
})

describe('residuals', () => {
  it('of tanh are one array, 1 − tanh²', () => {
    const program = traceClosed('f', [f64(4)], ([x]) => [tanh(x)])
    const { primal, linear, residuals } = linearizeProgram(program, [true])
    expect(residuals).toHaveLength(1)
    expect(primal.outputs).toHaveLength(2)
    expect(printProgram(linear)).toMatch(/multiply\(b, a\)|multiply\(a, b\)/)
    expect(linear.equations).toHaveLength(1)
  })

  it('that are inputs are shared instead of copied, and constants are not kept at all', () => {
    const program = traceClosed('f', [f64(3), f64(3)], ([x, y]) => [x.multiply(y).multiply(2)])
    const { primal, residuals } = linearizeProgram(program, [true, false])
    expect(residuals).toEqual([{ from: 'input', position: 1 }])
    expect(primal.outputs).toHaveLength(1)
  })

  it('that the function computes twice are kept once', () => {
    const program = traceClosed('f', [f64(3), f64(3), f64(3)], ([x, y, z]) => [
      x.multiply(exp(y)).add(z.multiply(exp(y))),
    ])
    expect(linearizeProgram(program, [true, false, true]).residuals).toHaveLength(1)
  })

  it('of a dense tanh layer are its input, its weights and 1 − tanh²', () => {
    const { primal, residuals } = linearizeProgram(network, inParameters)
    const computed = new Set(
      residuals.filter(({ from }) => from === 'output').map(({ position }) => position),
    )
    // Two hidden layers: h and 1 − h² each.
    expect(computed.size).toBe(4)
    expect(primal.outputs).toHaveLength(1 + 4)
    const shared = residuals.filter(({ from }) => from === 'input').map(({ position }) => position)
    expect(shared.sort()).toEqual([0, 3, 5])
  })
})

const backends: [string, () => Backend][] = [
  ['reference', () => createReferenceBackend()],
  ['reference with passes', () => createReferenceBackend({ optimise: true })],
  ...(isWasmSupported() ? [['wasm', () => createWasmBackend()] as [string, () => Backend]] : []),
]

describe.each(backends)('a Gauss-Newton product on %s', (_, create) => {
  const backend = create()
  const random = (shape: number[]): Tensor => {
    const size = shape.reduce((a, b) => a * b, 1)
    return tensor(
      Float32Array.from({ length: size }, (_unused, i) => Math.sin(1 + 3.7 * i)),
      { shape, backend },
    )
  }
  const parameters = widths.slice(1).map((n, i) => ({ w: random([widths[i], n]), b: random([n]) }))
  let calls = 0
  const model = (layers: typeof parameters, x: Tensor): Tensor => {
    calls++
    return dense(['tanh', 'tanh'])(layers, x)
  }
  const product = gaussNewtonProduct(model, logisticLoss)
  const [x, t] = [random([cases, widths[0]]), random([cases, widths[3]])]

  it('executes at most four matrix products per dense layer, two in the first', () => {
    const operator = product.at(parameters, x, t)
    expect(operator.executable.summary.matrixProducts).toBeLessThanOrEqual(2 + 4 + 4)
    expect(operator.executable.summary.matrixProducts).toBeGreaterThan(0)
    operator.dispose()
  })

  it('traces the model once for all points of one signature and all products', () => {
    const operator = product.at(parameters, x, t)
    const after = calls
    for (let i = 0; i < 3; i++) product.at(parameters, x, t).dispose()
    for (let i = 0; i < 3; i++)
      for (const { w, b } of operator.apply(parameters)) [w, b].map((y) => y.dispose())
    expect(calls).toBe(after)
    operator.dispose()
  })

  it('leaves live tensors and bytes exactly as before, after a thousand products and after its point', () => {
    const outside = backend.memory()
    const operator = product.at(parameters, x, t)
    for (const { w, b } of operator.apply(parameters)) [w, b].map((y) => y.dispose())
    const before = backend.memory()
    for (let i = 0; i < 1000; i++) {
      for (const { w, b } of operator.apply(parameters)) {
        w.dispose()
        b.dispose()
      }
    }
    const after = backend.memory()
    expect([after.liveBuffers, after.liveBytes]).toEqual([before.liveBuffers, before.liveBytes])
    expect(after.reservedBytes).toBe(before.reservedBytes)
    operator.dispose()
    expect(backend.memory().liveBuffers).toBe(outside.liveBuffers)
  })
})
