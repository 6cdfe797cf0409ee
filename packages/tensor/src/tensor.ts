/**
 * A tensor: either concrete (it owns a buffer of a backend) or traced (it stands for a value of a program
 * being recorded). It is immutable; the methods are the operations of `operations/` in fluent form.
 *
 * Lifetime: a concrete tensor owns device memory. Free it with `dispose()`, `using`, or a `scope`. A finaliser
 * catches what was forgotten and, with `warnOfLeaks(true)`, tells where it was allocated.
 */
import type { Backend, DeviceBuffer } from './backend.ts'
import type { Dtype, TypedArray } from './dtype.ts'
import { BackendError, LifetimeError, ShapeError } from './errors.ts'
import { hostArray } from './hostArray.ts'
import { watchForLeak, unwatch } from './leakDetection.ts'
import * as arithmetic from './operations/arithmetic.ts'
import { dot } from './operations/dot.ts'
import * as elementary from './operations/elementary.ts'
import * as movement from './operations/movement.ts'
import * as reduction from './operations/reduction.ts'
import type { TensorType, Value } from './program/program.ts'
import { formatType } from './program/program.ts'
import { adoptIntoScope } from './scope.ts'
import type { Shape } from './shape.ts'
import { formatShape, sizeOf } from './shape.ts'
import type { Trace } from './trace.ts'

/** Anything an operation takes as an operand. A number takes the dtype of the other operand. */
export type TensorLike = Tensor | number

type Content =
  | { readonly kind: 'concrete'; readonly backend: Backend; readonly buffer: DeviceBuffer }
  | { readonly kind: 'traced'; readonly trace: Trace; readonly value: Value }
  | { readonly kind: 'disposed' }

const disposed: Content = { kind: 'disposed' }

export class Tensor implements TensorType {
  readonly shape: Shape
  readonly dtype: Dtype
  #content: Content

  private constructor(type: TensorType, content: Content) {
    this.shape = type.shape
    this.dtype = type.dtype
    this.#content = content
  }

  /** A tensor that owns `buffer`. For backends and transformations; users call `tensor(…)`. */
  static concrete(backend: Backend, buffer: DeviceBuffer): Tensor {
    const tensor = new Tensor(buffer, { kind: 'concrete', backend, buffer })
    watchForLeak(tensor, backend, buffer)
    adoptIntoScope(tensor)
    return tensor
  }

  /** A tensor that stands for `value` while `trace` is active. */
  static traced(trace: Trace, value: Value): Tensor {
    return new Tensor(value, { kind: 'traced', trace, value })
  }

  get rank(): number {
    return this.shape.length
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape)
  }

  get isConcrete(): boolean {
    return this.#content.kind === 'concrete'
  }

  get isDisposed(): boolean {
    return this.#content.kind === 'disposed'
  }

  /** The value this tensor has in `trace`, if it belongs to it. */
  valueIn(trace: Trace): Value | undefined {
    const content = this.#content
    return content.kind === 'traced' && content.trace === trace ? content.value : undefined
  }

  #concrete(operation: string): Extract<Content, { kind: 'concrete' }> {
    const content = this.#content
    if (content.kind === 'concrete') return content
    throw new LifetimeError(
      content.kind === 'disposed'
        ? { operation, rule: 'the tensor must not have been disposed of', found: formatType(this) }
        : {
            operation,
            rule: 'a traced tensor has no contents yet',
            found: this.toString(),
            remedy: 'Return it from the traced function and read the result',
          },
    )
  }

  /** The backend that holds this tensor. @throws {LifetimeError} if traced or disposed of. */
  get backend(): Backend {
    return this.#concrete('tensor.backend').backend
  }

  /** The device memory of this tensor. @throws {LifetimeError} if traced or disposed of. */
  get buffer(): DeviceBuffer {
    return this.#concrete('use of a tensor').buffer
  }

  /**
   * The elements at the time of the call, row-major; waits for the device. The tensor may be disposed of right after
   * the call. @throws {LifetimeError}
   */
  read(): Promise<TypedArray> {
    const { backend, buffer } = this.#concrete('read')
    return backend.read(buffer)
  }

  /**
   * The elements without waiting.
   * @throws {BackendError} on a backend that must be waited for. @throws {LifetimeError}
   */
  readSync(): TypedArray {
    const { backend, buffer } = this.#concrete('readSync')
    if (backend.readSync !== undefined) return backend.readSync(buffer)
    throw new BackendError({
      operation: 'readSync',
      rule: `the ${backend.name} backend cannot be read without waiting`,
      remedy: 'Use `await tensor.read()`',
    })
  }

  #requireSingle(operation: string): void {
    if (this.size === 1) return
    throw new ShapeError({
      operation,
      rule: 'the tensor must have exactly one element',
      found: formatShape(this.shape),
    })
  }

  /** The only element. @throws {ShapeError} if there is not exactly one. */
  async item(): Promise<number> {
    this.#requireSingle('item')
    return (await this.read())[0]
  }

  /** The only element, without waiting. @throws {ShapeError} @throws {BackendError} */
  itemSync(): number {
    this.#requireSingle('itemSync')
    return this.readSync()[0]
  }

  /** A copy on another backend. */
  async to(backend: Backend): Promise<Tensor> {
    const data = await this.read()
    return Tensor.concrete(backend, backend.upload(hostArray(data, this.shape, this.dtype)))
  }

  /** Frees the device memory; a second call does nothing. A traced tensor owns none. */
  dispose(): void {
    const content = this.#content
    if (content.kind !== 'concrete') return
    this.#content = disposed
    unwatch(this)
    content.backend.release(content.buffer)
  }

  /** Gives the buffer up to an executable that consumes it (a donated input). */
  surrender(): void {
    if (this.#content.kind !== 'concrete') return
    this.#content = disposed
    unwatch(this)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  toString(): string {
    return `Tensor(${formatType(this)}, ${this.#content.kind})`
  }

  add(other: TensorLike): Tensor {
    return arithmetic.add(this, other)
  }
  subtract(other: TensorLike): Tensor {
    return arithmetic.subtract(this, other)
  }
  multiply(other: TensorLike): Tensor {
    return arithmetic.multiply(this, other)
  }
  divide(other: TensorLike): Tensor {
    return arithmetic.divide(this, other)
  }
  power(exponent: TensorLike): Tensor {
    return arithmetic.power(this, exponent)
  }
  negate(): Tensor {
    return elementary.negate(this)
  }
  square(): Tensor {
    return elementary.square(this)
  }
  sqrt(): Tensor {
    return elementary.sqrt(this)
  }
  exp(): Tensor {
    return elementary.exp(this)
  }
  log(): Tensor {
    return elementary.log(this)
  }
  convert(dtype: Dtype): Tensor {
    return elementary.convert(this, dtype)
  }
  /** Matrix product: the last axis of this with the first axis of `other` (see `dot`). */
  dot(other: Tensor): Tensor {
    return dot(this, other)
  }
  sum(axes?: number | readonly number[], options?: reduction.ReductionOptions): Tensor {
    return reduction.sum(this, axes, options)
  }
  mean(axes?: number | readonly number[], options?: reduction.ReductionOptions): Tensor {
    return reduction.mean(this, axes, options)
  }
  max(axes?: number | readonly number[], options?: reduction.ReductionOptions): Tensor {
    return reduction.max(this, axes, options)
  }
  reshape(shape: Shape): Tensor {
    return movement.reshape(this, shape)
  }
  /** Reorders the axes; without an argument reverses them. */
  transpose(permutation?: readonly number[]): Tensor {
    return movement.transpose(this, permutation)
  }
  /** Elements `start ≤ i < limit` along the leading axes given. */
  slice(starts: readonly number[], limits: readonly number[], strides?: readonly number[]): Tensor {
    return movement.slice(this, starts, limits, strides)
  }
}
