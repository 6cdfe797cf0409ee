/**
 * Fused kernels: what a program becomes before a backend emits code. A kernel runs a scalar expression at every
 * index of an iteration domain; operands are read through affine views
 *   element = offset + Σ_a strides[a] · index[a]
 * so that broadcast (stride 0), transpose, slice and most reshapes cost nothing. Outputs are stored through
 * views too, which turns concatenation and padding into writes to a part of a buffer.
 *
 * The form is shared by every backend (WebAssembly, WGSL, the interpreter of the reference backend); only
 * emission differs. Buffers are whole allocations: `planMemory` maps scratch ones onto a few pools.
 *
 * Invariants beyond the types (`checkKernelProgram` enumerates them): no kernel reads a buffer that it writes,
 * though a memory plan may put both in one place; scratch is written before it is read; no domain has an empty
 * axis, and [] is a single point; a map's or reduction's domain is canonical (no axis of extent 1 but argMax's,
 * neighbours merged where every view allows, last axis contiguous for the first store where any axis is); the
 * stride of an axis of extent 1 is 0, also in the three-axis views of products.
 */
import type { Dtype } from '../dtype.ts'
import type { ElementwisePrimitive } from '../program/primitive.ts'
import type { Shape } from '../shape.ts'

/** Affine map from the indices of a domain to an element of a buffer. One stride per axis of the domain. */
export interface View {
  readonly offset: number
  readonly strides: readonly number[]
}

/** Position in `KernelProgram.buffers`. */
export type BufferIndex = number

/** One node of a scalar expression; operands are positions of earlier nodes in the same list. */
export type ScalarNode =
  | { readonly kind: 'load'; readonly buffer: BufferIndex; readonly view: View; readonly dtype: Dtype }
  | { readonly kind: 'constant'; readonly value: number; readonly dtype: Dtype }
  /** The number offset + Σ strides·index itself: iota. */
  | { readonly kind: 'index'; readonly view: View; readonly dtype: Dtype }
  /** In an epilogue: the value that the reduction or product computed at this index. */
  | { readonly kind: 'result'; readonly dtype: Dtype }
  | {
      readonly kind: 'apply'
      readonly primitive: ElementwisePrimitive
      readonly operands: readonly number[]
      readonly dtype: Dtype
    }

/** Writes the value of a node at every index of the domain. Stores of one kernel never overlap. */
export interface Store {
  readonly node: number
  readonly buffer: BufferIndex
  readonly view: View
}

/** out[i] = f(…[i]) for several outputs at once. */
export interface MapKernel {
  readonly kind: 'map'
  readonly domain: Shape
  readonly nodes: readonly ScalarNode[]
  readonly stores: readonly Store[]
}

export type Reducer = 'sum' | 'max' | 'argMax'

/**
 * out[i] = epilogue(reduce_j prologue[i, j]). Views in `nodes` are over [...kept, ...reduced], those in
 * `epilogue` and `stores` over `kept`. For argMax the reduced domain has one axis and the result is int32.
 */
export interface ReduceKernel {
  readonly kind: 'reduce'
  readonly reducer: Reducer
  readonly kept: Shape
  readonly reduced: Shape
  readonly nodes: readonly ScalarNode[]
  /** The node that is reduced. */
  readonly operand: number
  readonly epilogue: readonly ScalarNode[]
  readonly stores: readonly Store[]
}

/** A matrix in memory; the view is over the axes of its place in the product (see `DotKernel`). */
export interface StoredOperand {
  readonly buffer: BufferIndex
  readonly view: View
}

export interface LoadedOperand extends StoredOperand {
  readonly kind: 'load'
}

/**
 * An operand that is computed while it is packed: element [b, i, k] is the node `operand` evaluated there, rounded
 * to the dtype of the product. Lowering makes them only for backends that ask (`productPrologues`).
 *
 * A backend evaluates every element exactly once per run of the kernel and keeps it in memory of its own (panels),
 * whatever number of rows, columns or threads use it; a matrix whose views all have stride 0 along the batch is
 * evaluated once for the batch. There is no node of the kind `result`, and there may be no load (constants).
 *
 * No load reads a buffer that the kernel writes. Elements are read in the order of packing, not of the stores, so no
 * store may take over the place of a buffer that a prologue reads; those live until the product is done, as loaded
 * operands do.
 */
export interface PrologueOperand {
  readonly kind: 'prologue'
  readonly nodes: readonly ScalarNode[]
  /** The node that is multiplied; it has the dtype of the product. */
  readonly operand: number
}

/** Views are over [batch, rows, depth] for the left operand, over [batch, depth, columns] for the right one. */
export type DotOperand = LoadedOperand | PrologueOperand

/**
 * out[b, i, j] = epilogue(accumulator[b, i, j] + Σ_k lhs[b, i, k] · rhs[b, k, j]). Views of the accumulator, the
 * epilogue and the stores are over [batch, rows, columns].
 *
 * `stores[0]` has the dtype of the product and unit stride along columns, so a backend may use its buffer for
 * partial sums; no load of the epilogue reads that buffer (the accumulator may share it, with an equal view).
 */
export interface DotKernel {
  readonly kind: 'dot'
  readonly batch: number
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly dtype: Dtype
  readonly lhs: DotOperand
  readonly rhs: DotOperand
  /** Always in memory, and never evaluated in the product. */
  readonly accumulator?: StoredOperand
  readonly epilogue: readonly ScalarNode[]
  readonly stores: readonly Store[]
}

/** A dense row-major block inside a buffer. */
export interface Block {
  readonly buffer: BufferIndex
  readonly offset: number
}

/** output[o, c, i] = operand[o, clamp(indices[c]), i], for o < outer, c < count, i < inner. */
export interface GatherKernel {
  readonly kind: 'gather'
  readonly dtype: Dtype
  readonly outer: number
  readonly extent: number
  readonly count: number
  readonly inner: number
  readonly operand: Block
  readonly indices: Block
  readonly output: Block
}

/** output = operand; then output[o, clamp(indices[c]), i] += updates[o, c, i] for c in order. */
export interface ScatterAddKernel {
  readonly kind: 'scatterAdd'
  readonly dtype: Dtype
  readonly outer: number
  readonly extent: number
  readonly count: number
  readonly inner: number
  readonly operand: Block
  readonly indices: Block
  readonly updates: Block
  readonly output: Block
}

/** output[i] = bits number i of the key, i < count (see random/threefry.ts). */
export interface RandomBitsKernel {
  readonly kind: 'randomBits'
  readonly count: number
  readonly key: Block
  readonly output: Block
}

export type Kernel = MapKernel | ReduceKernel | DotKernel | GatherKernel | ScatterAddKernel | RandomBitsKernel

export interface BufferSpecification {
  readonly dtype: Dtype
  readonly elements: number
  readonly role: 'input' | 'output' | 'scratch'
}

/** A program lowered to kernels that run in order. */
export interface KernelProgram {
  readonly name: string
  readonly buffers: readonly BufferSpecification[]
  /** The buffer of each program input. */
  readonly inputs: readonly BufferIndex[]
  /** The buffer of each program output: distinct, and none of them an input. */
  readonly outputs: readonly BufferIndex[]
  readonly kernels: readonly Kernel[]
}

/**
 * Where buffers live. Scratch buffers share pools when their lifetimes do not overlap; a buffer may take over
 * the storage of one that dies in the same kernel only where each element is read before it is written at the
 * same place: a map kernel's load with a view equal to the store's, or a product's accumulator.
 */
export interface MemoryPlan {
  /** Size of each scratch pool in bytes. */
  readonly poolBytes: readonly number[]
  /** Pool of each buffer of the kernel program; −1 for inputs and outputs. */
  readonly poolOf: readonly number[]
  /** For each output, the position of the donated input whose buffer it takes over, or −1. */
  readonly donorOf: readonly number[]
}
