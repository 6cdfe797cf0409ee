/**
 * What happens to the sums of a product: accumulator, epilogue and stores at [batch, row, column], as one WGSL function
 * that the product kernels call for every element, or for every four neighbours of a row where the columns are a
 * multiple of four. The function checks the bounds, so that kernels may compute past the edges of the output.
 *
 * Buffers hold vectors of four in their bindings where all that is stored allows it (a vector binding can be written
 * only by vectors), and reads come as vectors where their own view allows it.
 */
import type { BufferIndex, DotKernel, ScalarNode, View } from '@hessian-free/tensor'
import type { KernelBindings, Lanes } from '../wgsl/kernelBindings.ts'
import { valueType, wordType } from '../wgsl/kernelBindings.ts'
import { elementFunctionSource, emitExpression } from '../wgsl/scalarExpression.ts'
import type { KernelContext } from '../wgsl/shaderDispatch.ts'
import { affine } from './productOperand.ts'

/** The part of a `DotKernel` that is about its output. */
export type ProductSink = Pick<
  DotKernel,
  'batch' | 'rows' | 'columns' | 'dtype' | 'accumulator' | 'epilogue' | 'stores'
>

/** Columns that one call of the function takes; `threadColumns` are those of a thread. */
export const sinkLanes = ({ columns }: ProductSink, threadColumns: number): Lanes =>
  columns % 4 === 0 && threadColumns % 4 === 0 ? 4 : 1

const onQuads = ({ offset, strides: [batch, row, column] }: View): boolean =>
  column === 1 && offset % 4 === 0 && batch % 4 === 0 && row % 4 === 0

interface SinkAccess {
  readonly buffer: BufferIndex
  readonly view: View
}

const sinkReads = ({ accumulator, epilogue }: ProductSink): SinkAccess[] => [
  ...(accumulator === undefined ? [] : [accumulator]),
  ...epilogue.filter((node) => node.kind === 'load'),
]

export interface SinkBuffers {
  readonly reads: readonly BufferIndex[]
  readonly writes: readonly BufferIndex[]
  readonly vectors: ReadonlySet<BufferIndex>
}

/** The buffers of a sink, and which of them its bindings hold as vectors. */
export function sinkBuffers(sink: ProductSink, lanes: Lanes, context: KernelContext): SinkBuffers {
  const reads = sinkReads(sink)
  const written = new Set(sink.stores.map(({ buffer }) => context.storageOf(buffer)))
  const isWritten = ({ buffer }: SinkAccess): boolean => written.has(context.storageOf(buffer))
  const scalarStorages = new Set(
    [...sink.stores, ...reads.filter(isWritten)]
      .filter(({ view }) => lanes === 1 || !onQuads(view))
      .map(({ buffer }) => context.storageOf(buffer)),
  )
  const vectors = [...sink.stores, ...reads].filter(
    (access) =>
      lanes === 4 &&
      onQuads(access.view) &&
      !(isWritten(access) && scalarStorages.has(context.storageOf(access.buffer))),
  )
  return {
    reads: reads.map(({ buffer }) => buffer),
    writes: sink.stores.map(({ buffer }) => buffer),
    vectors: new Set(vectors.map(({ buffer }) => buffer)),
  }
}

const indexOf = ({ offset, strides }: View, lane = 0): string =>
  affine(offset + lane * strides[2], [
    [strides[0], 'batch'],
    [strides[1], 'row'],
    [strides[2], 'column'],
  ])

const quadOf = ({ offset, strides }: View): string =>
  affine(
    offset,
    [
      [strides[0], 'batch'],
      [strides[1], 'row'],
      [1, 'column'],
    ].map(
      ([stride, index], axis) => (axis === 2 ? [4, '(column / 4u)'] : [stride, index]) as [number, string],
    ),
    4,
  )

export interface EmittedSink {
  /** Module-scope WGSL. */
  readonly source: string
  /** A statement that hands over `lanes` values from `column` on. */
  call(batch: string, row: string, column: string, value: string): string
}

/**
 * `fn finish(batch, row, column, product)`.
 * @param vectors buffers whose bindings hold vectors, as in `bindings`.
 */
export function emitSink(
  sink: ProductSink,
  lanes: Lanes,
  bindings: KernelBindings,
  vectors: ReadonlySet<BufferIndex>,
): EmittedSink {
  const { accumulator, epilogue, stores, dtype } = sink
  const spread = (type: string, element: (lane: number) => string): string =>
    lanes === 1 ? element(0) : `${type}(${[0, 1, 2, 3].map(element).join(', ')})`
  const load = ({ buffer, view }: SinkAccess, type: string): string => {
    if (lanes === 4 && vectors.has(buffer) && onQuads(view)) return bindings.loadVector(buffer, quadOf(view))
    if (lanes === 4 && view.strides[2] === 0) return `${type}(${bindings.load(buffer, indexOf(view))})`
    return spread(type, (lane) => bindings.load(buffer, indexOf(view, lane)))
  }
  const type = valueType(dtype, lanes)
  const sum = accumulator === undefined ? 'product' : `(${load(accumulator, type)} + product)`
  const index = (node: Extract<ScalarNode, { readonly kind: 'index' }>): string =>
    spread(valueType(node.dtype, lanes), (lane) => `${wordType(node.dtype)}(${indexOf(node.view, lane)})`)
  const body = isBare(epilogue)
    ? { statements: '', values: ['result'], functions: new Set<string>() }
    : emitExpression(
        epilogue,
        { lanes, load: (node) => load(node, valueType(node.dtype, lanes)), index, result: 'result' },
        'e',
      )
  const store = ({ node, buffer, view }: ProductSink['stores'][number]): string => {
    const value = body.values[node]
    if (lanes === 1) return bindings.store(buffer, indexOf(view), value)
    if (vectors.has(buffer)) return bindings.storeVector(buffer, quadOf(view), value)
    return [0, 1, 2, 3]
      .map((lane) => bindings.store(buffer, indexOf(view, lane), `${value}[${lane}]`))
      .join('\n')
  }
  const parameters = `batch: u32, row: u32, column: u32, product: ${type}`
  return {
    source: `${elementFunctionSourceOf(body.functions)}
fn finish(${parameters}) {
if (row >= ${sink.rows}u || column >= ${sink.columns}u) { return; }
let result = ${sum};
${body.statements}
${stores.map(store).join('\n')}
}
`,
    call: (batch, row, column, value) => `finish(${batch}, ${row}, ${column}, ${value});`,
  }
}

/** The sum itself and nothing else. */
export const isBare = (epilogue: readonly ScalarNode[]): boolean =>
  epilogue.every(({ kind }) => kind === 'result')

const elementFunctionSourceOf = (functions: ReadonlySet<string>): string =>
  functions.size === 0 ? '' : elementFunctionSource(functions)
