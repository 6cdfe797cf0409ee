/**
 * Rows of digits as one PNG data URI: originals above, reconstructions below.
 */
import { PNG } from 'pngjs'

const side = 28
const gap = 2

/** @param rows each a flat array of images of 784 pixels in [0, 1]; all rows hold equally many. */
export function digitStrip(rows: readonly ArrayLike<number>[]): string {
  const count = Math.min(...rows.map((row) => Math.floor(row.length / side ** 2)))
  const png = new PNG({ width: count * (side + gap) - gap, height: rows.length * (side + gap) - gap })
  png.data.fill(255)
  rows.forEach((row, r) => {
    for (let i = 0; i < count * side ** 2; i++) {
      const [image, pixel] = [Math.floor(i / side ** 2), i % side ** 2]
      const x = image * (side + gap) + (pixel % side)
      const y = r * (side + gap) + Math.floor(pixel / side)
      const at = 4 * (y * png.width + x)
      png.data.fill(Math.round(255 * (1 - Math.min(1, Math.max(0, row[i])))), at, at + 3)
    }
  })
  return `data:image/png;base64,${PNG.sync.write(png).toString('base64')}`
}
