/**
 * Operands as users write them, made fit for the primitives: numbers become scalars of the other operand's
 * dtype, and shapes are broadcast explicitly (so that differentiation sees the broadcast).
 */
import { ArgumentError } from '../errors.ts'
import { applyPrimitive, operation } from '../execution.ts'
import type { PrimitiveName, PrimitiveParameters } from '../program/primitive.ts'
import { noParameters } from '../program/primitive.ts'
import type { Shape } from '../shape.ts'
import { broadcastShapes, sameShape } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import type { TensorLike } from '../tensor.ts'
import { scalarLike } from './creation.ts'

type BinaryPrimitive = {
  [P in PrimitiveName]: PrimitiveParameters[P] extends typeof noParameters ? P : never
}[PrimitiveName]

/** Stretches `x` to `shape` by NumPy's rule; no operation if it has that shape already. */
export function stretch(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const axes = x.shape.map((_, axis) => axis + shape.length - x.shape.length)
  return applyPrimitive('broadcast', [x], { shape, axes })[0]
}

/**
 * Applies an element-wise primitive to operands of any shapes that broadcast; numbers adopt the dtype of the
 * first tensor among the operands from `like` on.
 * @throws {ShapeError | DtypeError} from the broadcast or the primitive's rule.
 * @throws {ArgumentError} if no operand is a tensor.
 */
export function broadcasting(primitive: BinaryPrimitive, operands: readonly TensorLike[], like = 0): Tensor {
  const model = operands.slice(like).find((operand) => operand instanceof Tensor)
  if (model === undefined) {
    throw new ArgumentError({
      operation: primitive,
      rule: 'at least one operand must be a tensor',
      remedy: 'Use plain arithmetic for numbers',
    })
  }
  const temporaries: Tensor[] = []
  const lifted = operands.map((operand) => {
    if (operand instanceof Tensor) return operand
    const literal = scalarLike(operand, model)
    temporaries.push(literal)
    return literal
  })
  try {
    return operation(primitive, '', lifted, (inputs) => {
      const shape = inputs.map((input) => input.shape).reduce((a, b) => broadcastShapes(primitive, a, b))
      return applyPrimitive(
        primitive,
        inputs.map((input) => stretch(input, shape)),
        noParameters,
      )[0]
    })
  } finally {
    for (const temporary of temporaries) temporary.dispose()
  }
}
