/** Numbers as text for tables and reports: short, without exponents where numbers are ordinary. */

/** `digits` significant digits; exponents only outside 0.001 … 999,999; −∞ as "-inf". */
export function formatNumber(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return value === -Infinity ? '-inf' : String(value)
  const magnitude = Math.abs(value)
  if (magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e6)) return value.toExponential(digits - 2)
  return String(Number(value.toPrecision(digits)))
}

/** 1234567 → "1.23M". */
export function formatCount(count: number): string {
  if (count < 1e4) return String(Math.round(count))
  if (count < 1e6) return `${(count / 1e3).toFixed(1)}k`
  return count < 1e9 ? `${(count / 1e6).toFixed(2)}M` : `${(count / 1e9).toFixed(2)}G`
}
