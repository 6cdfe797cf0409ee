/**
 * Products for tests: a `DotKernel` in a program of its own, with operands in any of several memory layouts, and what it
 * must give by plain loops in float64.
 */
import type {
  BufferSpecification,
  DotKernel,
  KernelProgram,
  LoadedOperand,
  ScalarNode,
  Store,
  View,
} from '@hessian-free/tensor'
import { denseView } from '@hessian-free/tensor'

/**
 * How a matrix [batch, outer, inner] lies in its buffer: dense, with its last two axes exchanged, the same matrix for
 * every batch, rows apart by more than their length after an offset, or every second element of every row.
 */
export type Layout = 'dense' | 'transposed' | 'shared' | 'sharedTransposed' | 'padded' | 'strided'

export interface Placed {
  readonly view: View
  readonly elements: number
}

const flat = (strides: readonly number[], shape: readonly number[], offset = 0): Placed => ({
  view: { offset, strides: strides.map((stride, axis) => (shape[axis] === 1 ? 0 : stride)) },
  elements: offset + strides.reduce((sum, stride, axis) => sum + stride * (shape[axis] - 1), 1),
})

export function place(shape: readonly [number, number, number], layout: Layout): Placed {
  const [, outer, inner] = shape
  switch (layout) {
    case 'dense':
      return flat([outer * inner, inner, 1], shape)
    case 'transposed':
      return flat([outer * inner, 1, outer], shape)
    case 'shared':
      return flat([0, inner, 1], shape)
    case 'sharedTransposed':
      return flat([0, 1, outer], shape)
    case 'padded':
      return flat([outer * (inner + 4), inner + 4, 1], shape, 4)
    case 'strided':
      return flat([outer * inner * 2, inner * 2, 2], shape, 3)
  }
}

export interface ProductCase {
  readonly batch?: number
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly left?: Layout
  readonly right?: Layout
  /** Layout of the accumulator, or none. */
  readonly accumulator?: Layout
  /** 'several': three stores, of result · scale[column] + index, of the result in another layout, and of a comparison. */
  readonly epilogue?: 'none' | 'several'
}

export interface BuiltProduct {
  readonly program: KernelProgram
  readonly kernel: DotKernel
  readonly lhs: LoadedOperand
  readonly rhs: LoadedOperand
  readonly inputs: readonly Float32Array[]
  /** Contents of every output buffer; NaN where nothing is stored. */
  readonly expected: readonly Float64Array[]
  /** Sum of the absolute products of every element of every output: the scale of its rounding errors. */
  readonly scale: number
}

/** Numbers between −1 and 1 that depend on the seed and the position. */
const numbers = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233) ** 3)

/** Adds buffers to a program and remembers those that are inputs. */
function bufferList(): {
  readonly buffers: BufferSpecification[]
  readonly inputs: Float32Array[]
  input(elements: number): number
  output(elements: number, dtype?: BufferSpecification['dtype']): number
} {
  const buffers: BufferSpecification[] = []
  const inputs: Float32Array[] = []
  return {
    buffers,
    inputs,
    input: (elements) => {
      inputs.push(numbers(elements, inputs.length + 1))
      return buffers.push({ dtype: 'float32', elements, role: 'input' }) - 1
    },
    output: (elements, dtype = 'float32') => buffers.push({ dtype, elements, role: 'output' }) - 1,
  }
}

export function buildProduct({
  batch = 1,
  rows,
  columns,
  depth,
  left = 'dense',
  right = 'dense',
  accumulator,
  epilogue = 'none',
}: ProductCase): BuiltProduct {
  const list = bufferList()
  const shape = [batch, rows, columns] as const
  const placedLeft = place([batch, rows, depth], left)
  const placedRight = place([batch, depth, columns], right)
  const lhs: LoadedOperand = { kind: 'load', buffer: list.input(placedLeft.elements), view: placedLeft.view }
  const rhs: LoadedOperand = {
    kind: 'load',
    buffer: list.input(placedRight.elements),
    view: placedRight.view,
  }
  const placedSum = accumulator === undefined ? undefined : place(shape, accumulator)
  const sum = placedSum && { buffer: list.input(placedSum.elements), view: placedSum.view }
  const several = epilogue === 'several'
  const bias = several ? list.input(columns) : -1
  const size = batch * rows * columns

  const nodes: ScalarNode[] = [{ kind: 'result', dtype: 'float32' }]
  const dense = place(shape, accumulator === 'padded' ? 'padded' : 'dense')
  const stores: Store[] = [{ node: several ? 4 : 0, buffer: list.output(dense.elements), view: dense.view }]
  if (several) {
    const columnView = { offset: 0, strides: [0, 0, columns === 1 ? 0 : 1] }
    const apply = (primitive: 'multiply' | 'add', operands: readonly number[]): ScalarNode => ({
      kind: 'apply',
      primitive,
      operands,
      dtype: 'float32',
    })
    nodes.push(
      { kind: 'load', buffer: bias, view: columnView, dtype: 'float32' },
      apply('multiply', [0, 1]),
      { kind: 'index', view: denseView(shape), dtype: 'float32' },
      apply('add', [2, 3]),
      { kind: 'constant', value: 0, dtype: 'float32' },
      { kind: 'apply', primitive: 'less', operands: [0, 5], dtype: 'bool' },
    )
    stores.push(
      { node: 0, buffer: list.output(size), view: place(shape, 'transposed').view },
      { node: 6, buffer: list.output(size, 'bool'), view: denseView(shape) },
    )
  }
  const kernel: DotKernel = {
    kind: 'dot',
    ...{ batch, rows, columns, depth, dtype: 'float32', lhs, rhs, epilogue: nodes, stores },
    ...(sum === undefined ? {} : { accumulator: sum }),
  }
  const indexOf = (role: string): number[] =>
    list.buffers.flatMap((buffer, i) => (buffer.role === role ? [i] : []))
  const program: KernelProgram = {
    name: 'product',
    buffers: list.buffers,
    inputs: indexOf('input'),
    outputs: indexOf('output'),
    kernels: [kernel],
  }
  return {
    program,
    kernel,
    lhs,
    rhs,
    inputs: list.inputs,
    ...expectedOf(kernel, lhs, rhs, program, list.inputs),
  }
}

function expectedOf(
  { batch, rows, columns, depth, accumulator, stores }: DotKernel,
  lhs: LoadedOperand,
  rhs: LoadedOperand,
  { buffers, outputs }: KernelProgram,
  inputs: readonly Float32Array[],
): Pick<BuiltProduct, 'expected' | 'scale'> {
  const at = ({ offset, strides }: View, b: number, i: number, j: number): number =>
    offset + strides[0] * b + strides[1] * i + strides[2] * j
  const expected = outputs.map((buffer) => new Float64Array(buffers[buffer].elements).fill(NaN))
  const put = (store: number, b: number, i: number, j: number, value: number): void => {
    const { buffer, view } = stores[store]
    expected[outputs.indexOf(buffer)][at(view, b, i, j)] = value
  }
  let scale = 0
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = accumulator === undefined ? 0 : inputs[accumulator.buffer][at(accumulator.view, b, i, j)]
        let absolute = Math.abs(sum)
        for (let k = 0; k < depth; k++) {
          const product =
            inputs[lhs.buffer][at(lhs.view, b, i, k)] * inputs[rhs.buffer][at(rhs.view, b, k, j)]
          sum += product
          absolute += Math.abs(product)
        }
        scale = Math.max(scale, absolute)
        if (stores.length === 1) {
          put(0, b, i, j, sum)
          continue
        }
        const index = (b * rows + i) * columns + j
        const bias = inputs.at(-1) as Float32Array
        put(0, b, i, j, sum * bias[j] + index)
        put(1, b, i, j, sum)
        put(2, b, i, j, sum < 0 ? 1 : 0)
      }
    }
  }
  return { expected, scale }
}
