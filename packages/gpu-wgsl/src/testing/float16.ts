/**
 * IEEE 754 half precision (binary16) in TypeScript, for tests of float16 kernels: Node 20 has no Float16Array.
 * Normal numbers are 2^-14 … 65,504 with 11 significant bits; subnormals are multiples of 2^-24.
 */

/** The nearest float16, ties to even; numbers beyond 65,520 become infinite. Exact for every float32 and float64. */
export function roundToFloat16(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value
  const magnitude = Math.abs(value)
  const exponent = Math.max(exponentOf(magnitude), -14)
  const spacing = 2 ** (exponent - 10)
  const rounded = roundHalfToEven(magnitude / spacing) * spacing
  return Math.sign(value) * (rounded > 65_504 ? Infinity : rounded)
}

/** ⌊log2 magnitude⌋, exactly. */
function exponentOf(magnitude: number): number {
  const estimate = Math.floor(Math.log2(magnitude))
  if (2 ** estimate > magnitude) return estimate - 1
  return 2 ** (estimate + 1) <= magnitude ? estimate + 1 : estimate
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value)
  const fraction = value - below
  if (fraction !== 0.5) return Math.round(value)
  return below % 2 === 0 ? below : below + 1
}

/** The 16 bits of the nearest float16. */
export function encodeFloat16(value: number): number {
  const rounded = roundToFloat16(value)
  const sign = rounded < 0 || Object.is(rounded, -0) ? 0x8000 : 0
  const magnitude = Math.abs(rounded)
  if (Number.isNaN(rounded)) return 0x7e00
  if (magnitude === Infinity) return sign | 0x7c00
  if (magnitude < 2 ** -14) return sign | (magnitude * 2 ** 24)
  const exponent = exponentOf(magnitude)
  return sign | ((exponent + 15) << 10) | ((magnitude / 2 ** exponent - 1) * 1024)
}

/** The number that 16 bits stand for. */
export function decodeFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 0x3ff
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
