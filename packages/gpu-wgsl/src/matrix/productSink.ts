/**
 * What happens to the sums of a product: accumulator, epilogue and stores at [batch, row, column], as one WGSL function
 * that the product kernels call for every element, or for every four neighbours of a row where the columns are a
 * multiple of four. The function checks the bounds, so that kernels may compute past the edges of the output.
 *
 * Buffers hold vectors of four in their bindings where all that is stored allows it (a vector binding can be written
 * only by vectors), and reads come as vectors where their own view allows it.
 */
import type { BufferIndex, DotKernel, ScalarNode, View } from '@hessian-free/tensor'
import { elementIndex, indexValue } from '../wgsl/indexArithmetic.ts'
import type { KernelBindings, Lanes } from '../wgsl/kernelBindings.ts'
import { valueType } from '../wgsl/kernelBindings.ts'
import type { ExpressionContext } from '../wgsl/scalarExpression.ts'
import { elementFunctionSource, emitExpression } from '../wgsl/scalarExpression.ts'
import type { KernelContext } from '../wgsl/shaderDispatch.ts'
import { firstOfQuarter, vectorAccess, vectorAccessBy, vectorView } from '../wgsl/vectorAccess.ts'

/** The part of a `DotKernel` that is about its output. */
export type ProductSink = Pick<
  DotKernel,
  'batch' | 'rows' | 'columns' | 'dtype' | 'accumulator' | 'epilogue' | 'stores'
>

/** Columns that one call of the function takes; `threadColumns` are those of a thread. */
export const sinkLanes = ({ columns }: ProductSink, threadColumns: number): Lanes =>
  columns % 4 === 0 && threadColumns % 4 === 0 ? 4 : 1

/** The sum itself and nothing else. */
export const isBare = (epilogue: readonly ScalarNode[]): boolean =>
  epilogue.every(({ kind }) => kind === 'result')

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
  const accesses = [...sink.stores, ...reads]
  const storageOf = ({ buffer }: SinkAccess): number => context.storageOf(buffer)
  const written = new Set(sink.stores.map(storageOf))
  const isVector = ({ view }: SinkAccess): boolean => lanes === 4 && vectorAccess(view) === 'vector'
  const apart = new Set(
    accesses.filter((access) => written.has(storageOf(access)) && !isVector(access)).map(storageOf),
  )
  return {
    reads: reads.map(({ buffer }) => buffer),
    writes: sink.stores.map(({ buffer }) => buffer),
    vectors: new Set(
      accesses
        .filter((access) => isVector(access) && !apart.has(storageOf(access)))
        .map(({ buffer }) => buffer),
    ),
  }
}

export interface EmittedSink {
  /** Module-scope WGSL. */
  readonly source: string
  /** A statement that hands over `lanes` values from `column` on. */
  readonly call: (batch: string, row: string, column: string, value: string) => string
}

/** Reading at (batch, row, column), or at (batch, row, quad) four columns at once. */
function sinkAccess(
  lanes: Lanes,
  bindings: KernelBindings,
  vectors: ReadonlySet<BufferIndex>,
): Pick<ExpressionContext, 'lanes' | 'load' | 'index'> {
  const scalarAt = (view: View): string => elementIndex(view, ['batch', 'row', 'column'])
  if (lanes === 1) {
    return {
      lanes,
      load: ({ buffer, view }) => bindings.load(buffer, scalarAt(view)),
      index: (node) => indexValue(node, scalarAt(node.view)),
    }
  }
  const byQuads = vectorAccessBy(bindings, (view) => elementIndex(view, ['batch', 'row', 'quad']))
  return {
    ...byQuads,
    load: (node) =>
      vectorAccess(node.view) !== 'vector' || vectors.has(node.buffer)
        ? byQuads.load(node)
        : `${valueType(node.dtype, 4)}(${elementsOf(node.view)
            .map((element) => bindings.load(node.buffer, element))
            .join(', ')})`,
  }
}

/** The four elements of a view at (batch, row, quad). */
function elementsOf(view: View): string[] {
  const first = firstOfQuarter(view)
  return [0, 1, 2, 3].map((lane) =>
    elementIndex({ ...first, offset: first.offset + lane * view.strides[2] }, ['batch', 'row', 'quad']),
  )
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
  const { rows, columns, accumulator, epilogue, stores, dtype } = sink
  const access = sinkAccess(lanes, bindings, vectors)
  const sum =
    accumulator === undefined
      ? 'product'
      : `${access.load({ kind: 'load', ...accumulator, dtype })} + product`
  const { statements, values, functions } = emitExpression(epilogue, { ...access, result: 'result' }, 'e')
  const store = ({ node, buffer, view }: ProductSink['stores'][number]): string => {
    if (lanes === 1)
      return bindings.store(buffer, elementIndex(view, ['batch', 'row', 'column']), values[node])
    if (vectors.has(buffer)) {
      return bindings.storeVector(
        buffer,
        elementIndex(vectorView(view), ['batch', 'row', 'quad']),
        values[node],
      )
    }
    return elementsOf(view)
      .map((element, lane) => bindings.store(buffer, element, `${values[node]}[${lane}]`))
      .join('\n')
  }
  return {
    source: `${elementFunctionSource(functions)}
fn finish(batch: u32, row: u32, column: u32, product: ${valueType(dtype, lanes)}) {
if (row >= ${rows}u || column >= ${columns}u) { return; }
${lanes === 4 ? 'let quad = column / 4u;\n' : ''}let result = ${sum};
${statements}
${stores.map(store).join('\n')}
}
`,
    call: (batch, row, column, value) => `finish(${batch}, ${row}, ${column}, ${value});`,
  }
}
