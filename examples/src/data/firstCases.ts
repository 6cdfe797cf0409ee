/** The beginning of a data set; presets are made of the first so many cases. */
import { hostArray } from '@hessian-free/tensor'
import type { HostArray } from '@hessian-free/tensor'

/** The first `cases` rows, copied. */
export function firstCases({ data, shape, dtype }: HostArray, cases: number): HostArray {
  const row = data.length / shape[0]
  return hostArray(data.slice(0, cases * row), [cases, ...shape.slice(1)], dtype)
}
