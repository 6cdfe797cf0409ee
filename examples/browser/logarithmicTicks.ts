/**
 * Round numbers along a logarithmic axis: as many as there is room for, which d3's own ticks exceed in short ranges.
 */

/** The densest of these series of round numbers that has at most `count` in the range. */
export function logarithmicTicks(lowest: number, highest: number, count: number): number[] {
  const from = Math.floor(Math.log10(lowest))
  const decades = Array.from({ length: Math.ceil(Math.log10(highest)) - from + 1 }, (_, i) => from + i)
  const choices = [[1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 6, 8], [1, 2, 3, 5], [1, 3], [1]].map(
    (digits) =>
      decades
        .flatMap((exponent) => digits.map((digit) => Number((digit * 10 ** exponent).toPrecision(3))))
        .filter((tick) => tick >= lowest && tick <= highest),
  )
  const fitting = choices.find((ticks) => ticks.length <= count)
  if (fitting !== undefined) return fitting
  const powers = choices[choices.length - 1]
  const stride = Math.ceil(powers.length / count)
  return powers.filter((_, i) => i % stride === 0)
}
