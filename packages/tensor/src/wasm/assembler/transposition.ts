/**
 * The 4×4 transpose in registers: two rounds of interleaving,
 *   (a₀ b₀ a₁ b₁), (c₀ d₀ c₁ d₁), …  then  (a₀ b₀ c₀ d₀), (a₁ b₁ c₁ d₁), …
 * eight shuffles in all.
 */
import type { FunctionBuilder, Local } from './functionBuilder.ts'

/** Emits the columns of the 4×4 matrix whose rows are the four vectors given. */
export function transposeVectors(f: FunctionBuilder, [a, b, c, d]: readonly Local[]): Local[] {
  const shuffled = (left: Local, right: Local, lanes: readonly number[]): Local => {
    const result = f.local('v128')
    f.localGet(left).localGet(right).i32x4Shuffle(lanes).localSet(result)
    return result
  }
  const low = [0, 4, 1, 5]
  const high = [2, 6, 3, 7]
  const [ab, cd] = [shuffled(a, b, low), shuffled(c, d, low)]
  const [abHigh, cdHigh] = [shuffled(a, b, high), shuffled(c, d, high)]
  const first = [0, 1, 4, 5]
  const second = [2, 3, 6, 7]
  return [
    shuffled(ab, cd, first),
    shuffled(ab, cd, second),
    shuffled(abHigh, cdHigh, first),
    shuffled(abHigh, cdHigh, second),
  ]
}
