/**
 * The curvature pairs that an L-BFGS preconditioner has in force, as the rows of two matrices S and Y [m, n], moved to
 * the damping of the run that begins, and the inner products that `pairFactors.ts` needs of them.
 *
 * Shift: pairs of A = G + λI satisfy y = G s + λ s, so at λ' they are (s, y + (λ' − λ) s): exact, and done while the
 * pairs are copied into the matrices. Memory: a copy of the pairs exists while the pairs themselves do, which is as
 * much as at the end of a run, when the pairs in force and those just collected both exist; not more.
 */
import type { Tensor } from '@hessian-free/tensor'
import { concatenate, dotGeneral, gather, jit, tensor } from '@hessian-free/tensor'
import type { CurvaturePair } from '../curvaturePair.ts'
import { disposePair } from '../curvaturePair.ts'
import { cachedSpans, spanOfMatrix, sumOfBlocks } from './parameterBlocks.ts'

/** Pairs as rows [m, n], oldest first. */
export interface PairMatrices {
  readonly s: Tensor
  readonly y: Tensor
}

export const disposeMatrices = ({ s, y }: PairMatrices): void => {
  s.dispose()
  y.dispose()
}

const rows = (vectors: readonly Tensor[]): Tensor =>
  concatenate(
    vectors.map((vector) => vector.reshape([1, vector.size])),
    0,
  )

const stack = jit(
  (s: readonly Tensor[], y: readonly Tensor[], by: Tensor): PairMatrices => ({
    s: rows(s),
    y: rows(y.map((vector, i) => vector.add(s[i].multiply(by)))),
  }),
  { name: 'stackPairs' },
)

const shift = jit((s: Tensor, y: Tensor, by: Tensor): Tensor => y.add(s.multiply(by)), {
  name: 'shiftPairs',
  donate: [1],
})

const byTensor = (by: number, { dtype, backend }: Tensor): Tensor => tensor(by, { dtype, backend })

/**
 * Copies pairs into matrices and frees them.
 * @param pairs at least one, oldest first. @param by λ' − λ.
 */
export function stackPairs(pairs: readonly CurvaturePair[], by: number): PairMatrices {
  using shiftBy = byTensor(by, pairs[0].s)
  const stacked = stack(
    pairs.map(({ s }) => s),
    pairs.map(({ y }) => y),
    shiftBy,
  )
  pairs.forEach(disposePair)
  return stacked
}

/** Moves pairs by λ' − λ in place: Y is consumed. */
export function shiftMatrices({ s, y }: PairMatrices, by: number): PairMatrices {
  using shiftBy = byTensor(by, s)
  return { s, y: shift(s, y, shiftBy) }
}

const select = jit((matrix: Tensor, chosen: Tensor): Tensor => gather(matrix, chosen, 0), {
  name: 'selectPairs',
})

/** The pairs of the given numbers alone; the matrices are freed. */
export function selectPairs({ s, y }: PairMatrices, chosen: readonly number[]): PairMatrices {
  using indices = tensor([...chosen], { dtype: 'int32', backend: s.backend })
  const selected = { s: select(s, indices), y: select(y, indices) }
  disposeMatrices({ s, y })
  return selected
}

/**
 * Depth of the products whose sums make S Yᵀ. Short, because a backend may add all terms of a product in float32, and
 * the whole recursion is only as accurate as S Yᵀ.
 */
const productLength = 512

/** S Yᵀ block by block, and the squared norms of the rows: [s_i·y_j, row after row; s_i·s_i; y_i·y_i]. */
export const pairProducts = jit(
  ({ s, y }: PairMatrices): Tensor => {
    const [m, n] = s.shape
    // Short spans, because a product may pack its operands: a copy of a span, not of all pairs.
    const blocks = cachedSpans(n, m, productLength).map((span) =>
      dotGeneral(spanOfMatrix(s, span), spanOfMatrix(y, span), {
        lhsBatch: [1],
        rhsBatch: [1],
        lhsContract: [2],
        rhsContract: [2],
      }),
    )
    return concatenate([sumOfBlocks(blocks).reshape([m * m]), s.square().sum(1), y.square().sum(1)], 0)
  },
  { name: 'pairProducts' },
)
