/**
 * The cyclic redundancy check of zip members: CRC-32 with the reflected polynomial 0xEDB88320, one table
 * look-up a byte. Source: ISO 3309 as used by PKWARE's APPNOTE.TXT, section 4.4.7.
 */

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0)
  return remainder
})

/** The check value of `bytes` as an unsigned 32-bit integer. */
export function crc32(bytes: Uint8Array): number {
  let remainder = 0xffffffff
  for (const byte of bytes) remainder = (remainder >>> 8) ^ table[(remainder ^ byte) & 0xff]
  return (remainder ^ 0xffffffff) >>> 0
}
