/**
 * Program → steps: values become stored arrays or expressions inside their consumers (`StoragePolicy`). Movement
 * changes views; element-wise equations build expressions; products, reductions and indexed reads are steps of
 * their own; concatenation and padding are stores of the parts into the whole.
 */
import type { Dtype } from '../dtype.ts'
import { ProgramError } from '../errors.ts'
import type { ElementwisePrimitive } from '../program/primitive.ts'
import type { Equation, EquationOf, Program, Value } from '../program/program.ts'
import { leastValue, roundTo } from '../reference/scalarFunctions.ts'
import type { Shape } from '../shape.ts'
import { sameShape, sizeOf, stridesOf, withoutAxes } from '../shape.ts'
import { dotStep } from './dotOperands.ts'
import type { Expression, Leaf, Storage } from './expression.ts'
import { apply, costOf, moveExpression, readsOf, unionOfReads } from './expression.ts'
import type { Reducer, View } from './kernel.ts'
import type { Decomposition, RootStep, Step } from './step.ts'
import { isEmpty, wholeLeaf } from './step.ts'
import { storageDemand } from './storageDemand.ts'
import { broadcastCost, largestReadCount, StoragePolicy } from './storagePolicy.ts'
import {
  broadcastView,
  denseView,
  isDense,
  normalizeView,
  reshapeView,
  sliceView,
  transposeView,
} from './view.ts'

const identityOf = (reducer: Reducer, dtype: Dtype): number => (reducer === 'max' ? leastValue[dtype] : 0)

const constant = (value: number, dtype: Dtype): Expression => ({ kind: 'constant', value, dtype })

/** The expression with every view moved; for movements that views always follow. */
const moved = (expression: Expression, move: (view: View) => View): Expression =>
  moveExpression(expression, move) as Expression

class Decomposer {
  readonly #program: Program
  readonly #policy: StoragePolicy
  readonly #steps: Step[] = []
  readonly #expressions = new Map<Value, Expression>()
  readonly #copies = new Map<string, Leaf>()
  #storages = 0

  constructor(program: Program) {
    this.#program = program
    this.#policy = new StoragePolicy(storageDemand(program))
  }

  run(): Decomposition {
    const inputs = this.#program.inputs.map((value) => {
      const storage = this.#storage(value)
      this.#expressions.set(value, wholeLeaf(storage))
      return storage
    })
    for (const equation of this.#program.equations) this.#equation(equation)
    const taken = new Set<Storage>(inputs)
    const outputs = this.#program.outputs.map((value) => {
      const storage = this.#output(this.#expressions.get(value) as Expression, value, taken)
      taken.add(storage)
      return storage
    })
    return { inputs, outputs, steps: this.#steps }
  }

  /** The storage of an output: the value's own if no other output has it, else a copy. */
  #output(expression: Expression, { shape, dtype }: Value, taken: ReadonlySet<Storage>): Storage {
    if (expression.kind === 'leaf' && !taken.has(expression.storage)) {
      const whole = sameShape(expression.storage.shape, shape) && isDense(expression.view, shape)
      if (whole && expression.view.offset === 0) return expression.storage
    }
    return this.#store(expression, shape, dtype).storage
  }

  #storage({ shape, dtype }: { readonly shape: Shape; readonly dtype: Dtype }): Storage {
    return { id: this.#storages++, shape, dtype }
  }

  /** A dense copy of a read; made once for equal reads. */
  #copy(leaf: Leaf, shape: Shape): Leaf {
    const { storage, view } = leaf
    const key = [storage.id, view.offset, ...view.strides, 'over', ...shape].join(' ')
    const known = this.#copies.get(key)
    if (known !== undefined) return known
    const copy = this.#store(leaf, shape, leaf.dtype)
    this.#copies.set(key, copy)
    return copy
  }

  /** Stores an expression densely and returns the read of it. */
  #store(expression: Expression, shape: Shape, dtype: Dtype): Leaf {
    const storage = this.#storage({ shape, dtype })
    if (!isEmpty(shape)) this.#write(expression, shape, storage, denseView(shape), false)
    return wholeLeaf(storage)
  }

  #write(expression: Expression, domain: Shape, storage: Storage, view: View, overwrites: boolean): void {
    this.#steps.push({ kind: 'map', domain, expression, target: { storage, view }, overwrites })
  }

  /** The value as a read of memory, storing it now if it is not. */
  #leaf(value: Value): Leaf {
    const expression = this.#read(value)
    if (expression.kind === 'leaf') return expression
    const leaf = this.#store(expression, value.shape, value.dtype)
    this.#expressions.set(value, leaf)
    return leaf
  }

  #denseLeaf(value: Value): Leaf {
    const leaf = this.#leaf(value)
    return isDense(leaf.view, value.shape) ? leaf : this.#copy(leaf, value.shape)
  }

  #read(value: Value): Expression {
    return this.#expressions.get(value) as Expression
  }

  #equation(equation: Equation): void {
    const [output] = equation.outputs
    if (equation.primitive === 'call') {
      throw new ProgramError({
        operation: `lower ${this.#program.name}`,
        rule: 'calls must have been inlined',
        found: `call ${equation.parameters.program.name}`,
        remedy: 'Apply inlineCalls first',
      })
    }
    this.#expressions.set(
      output,
      isEmpty(output.shape) ? constant(0, output.dtype) : this.#expression(equation),
    )
  }

  #expression(equation: Exclude<Equation, EquationOf<'call'>>): Expression {
    const { inputs } = equation
    const [output] = equation.outputs
    const { shape, dtype } = output
    switch (equation.primitive) {
      case 'fill':
        return constant(roundTo(dtype, equation.parameters.value), dtype)
      case 'iota': {
        const { axis } = equation.parameters
        const view = { offset: 0, strides: shape.map((_, a) => (a === axis ? 1 : 0)) }
        return { kind: 'index', view: normalizeView(view, shape), dtype }
      }
      case 'reshape':
        return this.#reshaped(inputs[0], shape)
      case 'transpose': {
        const { permutation } = equation.parameters
        return moved(this.#read(inputs[0]), (view) => transposeView(view, permutation))
      }
      case 'broadcast':
        return this.#broadcast(inputs[0], equation.parameters)
      case 'slice': {
        const { parameters } = equation
        return moved(this.#read(inputs[0]), (view) => sliceView(view, parameters, shape))
      }
      case 'pad':
        return this.#pad(inputs[0], output, equation.parameters)
      case 'concatenate':
        return this.#concatenate(inputs, output, equation.parameters.axis)
      case 'reduceSum':
        return this.#reduce('sum', inputs[0], output, equation.parameters.axes)
      case 'reduceMax':
        return this.#reduce('max', inputs[0], output, equation.parameters.axes)
      case 'argMax':
        return this.#reduce('argMax', inputs[0], output, [equation.parameters.axis])
      case 'dot':
        return this.#dot(equation)
      case 'gather': {
        const { axis } = equation.parameters
        const [operand, indices] = inputs.map((value) => this.#denseLeaf(value))
        return this.#root({
          kind: 'gather',
          ...indexedExtents(inputs[0].shape, axis, inputs[1].shape[0]),
          operand,
          indices,
          result: this.#storage(output),
        })
      }
      case 'scatterAdd': {
        if (isEmpty(inputs[1].shape)) return this.#read(inputs[0])
        const { axis } = equation.parameters
        const [operand, indices, updates] = inputs.map((value) => this.#denseLeaf(value))
        return this.#root({
          kind: 'scatterAdd',
          ...indexedExtents(inputs[0].shape, axis, inputs[1].shape[0]),
          operand,
          indices,
          updates,
          result: this.#storage(output),
        })
      }
      case 'randomBits':
        return this.#root({
          kind: 'randomBits',
          key: this.#denseLeaf(inputs[0]),
          result: this.#storage(output),
        })
      case 'stopGradient':
        return this.#read(inputs[0])
      default:
        return this.#elementwise(equation.primitive, inputs, output)
    }
  }

  #root(step: RootStep): Leaf {
    this.#steps.push(step)
    return wholeLeaf(step.result)
  }

  #elementwise(primitive: ElementwisePrimitive, inputs: readonly Value[], output: Value): Expression {
    let operands = inputs.map((value) => this.#read(value))
    while (unionOfReads(operands).length > largestReadCount) {
      const widest = operands.reduce(
        (a, b, i) => (readsOf(b).length > readsOf(operands[a]).length ? i : a),
        0,
      )
      this.#leaf(inputs[widest])
      operands = inputs.map((value) => this.#read(value))
    }
    this.#policy.noteElementwise(inputs, output)
    return this.#settle(apply(primitive, operands, output.dtype), output)
  }

  /** Stores the expression of `value` if that is better than leaving it to the consumers. */
  #settle(expression: Expression, value: Value): Expression {
    const stored = this.#policy.isStored(expression, value)
    return stored ? this.#store(expression, value.shape, value.dtype) : expression
  }

  #reshaped(source: Value, shape: Shape): Expression {
    const move = (view: View): View | undefined => reshapeView(view, source.shape, shape)
    const expression = this.#read(source)
    const direct = moveExpression(expression, move)
    if (direct !== undefined) return direct
    const copy = expression.kind === 'leaf' ? this.#copy(expression, source.shape) : this.#leaf(source)
    return moved(copy, (view) => move(view) as View)
  }

  #broadcast(source: Value, parameters: EquationOf<'broadcast'>['parameters']): Expression {
    const repeats = sizeOf(parameters.shape) > sizeOf(source.shape)
    const stored = repeats && costOf(this.#read(source)) > broadcastCost
    const expression = stored ? this.#leaf(source) : this.#read(source)
    return moved(expression, (view) => broadcastView(view, source.shape, parameters))
  }

  /** Stores of the parts into the whole, one after the other along the axis. */
  #concatenate(inputs: readonly Value[], output: Value, axis: number): Expression {
    const storage = this.#storage(output)
    const strides = stridesOf(output.shape)
    let start = 0
    for (const part of inputs) {
      if (isEmpty(part.shape)) continue
      const view = normalizeView({ offset: start * strides[axis], strides }, part.shape)
      this.#write(this.#read(part), part.shape, storage, view, false)
      start += part.shape[axis]
    }
    return wholeLeaf(storage)
  }

  /** Zeros, then the elements over them. (`simplify` has made concatenations of pads along one axis.) */
  #pad(source: Value, output: Value, { low, interior }: EquationOf<'pad'>['parameters']): Expression {
    const zero = constant(0, output.dtype)
    if (isEmpty(source.shape)) return zero
    const storage = this.#storage(output)
    const dense = stridesOf(output.shape)
    const offset = low.reduce((sum, count, axis) => sum + count * dense[axis], 0)
    const strides = dense.map((stride, axis) => stride * (interior[axis] + 1))
    const view = normalizeView({ offset, strides }, source.shape)
    this.#write(zero, output.shape, storage, denseView(output.shape), false)
    this.#write(this.#read(source), source.shape, storage, view, true)
    return wholeLeaf(storage)
  }

  #reduce(reducer: Reducer, source: Value, output: Value, axes: readonly number[]): Expression {
    const { shape } = source
    if (isEmpty(shape)) return constant(identityOf(reducer, output.dtype), output.dtype)
    const reduced = axes.map((axis) => shape[axis])
    if (sizeOf(reduced) === 1) {
      if (reducer === 'argMax') return constant(0, 'int32')
      return this.#reshaped(source, output.shape)
    }
    const keptAxes = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
    const order = [...keptAxes, ...axes]
    const operand = moved(this.#read(source), (view) => transposeView(view, order))
    const result = this.#storage(output)
    this.#policy.noteResult(output)
    const kept = withoutAxes(shape, axes)
    return this.#root({ kind: 'reduce', reducer, kept, reduced, operand, result })
  }

  #dot({ inputs, parameters, outputs: [output] }: EquationOf<'dot'>): Expression {
    const accumulator = inputs.length === 3 ? this.#read(inputs[2]) : undefined
    if (isEmpty(inputs[0].shape) || isEmpty(inputs[1].shape)) {
      return accumulator ?? constant(0, output.dtype)
    }
    const step = dotStep(
      { shape: inputs[0].shape, leaf: this.#leaf(inputs[0]) },
      { shape: inputs[1].shape, leaf: this.#leaf(inputs[1]) },
      parameters,
      { shape: output.shape, expression: accumulator },
      this.#storage(output),
      (leaf, shape) => this.#copy(leaf, shape),
    )
    this.#policy.noteResult(output)
    const product = this.#root(step)
    if (accumulator === undefined || step.accumulator !== undefined) return product
    return this.#settle(apply('add', [product, accumulator], output.dtype), output)
  }
}

const indexedExtents = (
  shape: Shape,
  axis: number,
  count: number,
): { outer: number; extent: number; count: number; inner: number } => ({
  outer: sizeOf(shape.slice(0, axis)),
  extent: shape[axis],
  count,
  inner: sizeOf(shape.slice(axis + 1)),
})

/** Steps of a program without calls, in an order in which they can run. @throws {ProgramError} for a call. */
export const decompose = (program: Program): Decomposition => new Decomposer(program).run()
