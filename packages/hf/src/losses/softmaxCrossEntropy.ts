/**
 * Cross-entropy of a softmax over the last axis, summed over any axes between it and the cases:
 *   p = softmax(z),   ℓ = Σ_j t_j (logSumExp(z) − z_j),   H u = m (p ∘ u − p (p · u)),   m = Σ_j t_j
 * The Hessian is m (diag(p) − ppᵀ) of rank C − 1, not the rank-one (t − p)(t − p)ᵀ that splitting after the
 * softmax would give. Targets are class indices (int32, m = 1) or rows of non-negative weights.
 */
import {
  DtypeError,
  ShapeError,
  argMax,
  convert,
  equal,
  formatShape,
  formatType,
  iota,
  isFloat,
  logSumExp,
  not,
  operation,
  sameShape,
  softmax,
} from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import type { Loss, Metric } from './loss.ts'
import { requireSameOutputs, sumPerCase } from './loss.ts'

function requireTargets(outputs: Tensor, targets: Tensor): void {
  if (targets.dtype === outputs.dtype) {
    requireSameOutputs('softmaxCrossEntropy', outputs, targets)
    return
  }
  if (targets.dtype !== 'int32') {
    throw new DtypeError({
      operation: 'softmaxCrossEntropy',
      rule: 'targets must be class indices (int32) or rows of weights (the dtype of the outputs)',
      found: formatType(targets),
      remedy: 'Convert them with convert(targets, dtype)',
    })
  }
  if (outputs.rank >= 2 && sameShape(outputs.shape.slice(0, -1), targets.shape)) return
  throw new ShapeError({
    operation: 'softmaxCrossEntropy',
    rule: 'there must be one class index per row of the outputs',
    found: `outputs ${formatShape(outputs.shape)}, targets ${formatShape(targets.shape)}`,
  })
}

/** Rows of 0 and 1 for class indices; rows of weights as they are. */
function targetRows(outputs: Tensor, targets: Tensor): Tensor {
  if (isFloat(targets.dtype)) return targets
  // One operation, so that outside a trace the classes are counted on the backend of the targets.
  return operation('targetRows', '', [outputs, targets], ([z, t]) => {
    const classes = iota(z.shape, z.rank - 1, 'int32')
    return convert(equal(t.reshape([...t.shape, 1]), classes), z.dtype)
  })
}

/** 1 where the likeliest class is wrong, averaged over the rows of a case. */
export const classificationError: Metric = {
  name: 'classification error',
  perCase: (outputs, targets) => {
    const wanted = isFloat(targets.dtype) ? argMax(targets) : targets
    const wrong = convert(not(equal(argMax(outputs), wanted)), outputs.dtype)
    return wrong.rank === 1 ? wrong : wrong.mean(wrong.shape.map((_, axis) => axis).slice(1))
  },
}

/**
 * −Σ t log softmax(z) per case; `outputs` are logits [cases, …, classes].
 * An index outside the classes matches none: its row has loss 0 and no curvature.
 */
export function softmaxCrossEntropy(): Loss {
  return {
    name: 'softmax cross-entropy',
    perCase: (outputs, targets) => {
      requireTargets(outputs, targets)
      const rows = targetRows(outputs, targets)
      return sumPerCase(rows.multiply(logSumExp(outputs, -1, { keepAxes: true }).subtract(outputs)).sum(-1))
    },
    hessianProduct: (outputs, targets, directions) => {
      const p = softmax(outputs)
      const weighted = p.multiply(directions)
      const product = weighted.subtract(p.multiply(weighted.sum(-1, { keepAxes: true })))
      return product.multiply(targetRows(outputs, targets).sum(-1, { keepAxes: true }))
    },
    metric: classificationError,
  }
}
