/**
 * Held-out digits above what the network makes of them. Ink is opaque, paper transparent, so the style sheet can turn
 * black ink white where the page is dark.
 */
import type { DigitImages } from './messages.ts'

const side = 28
const pixels = side * side

export interface DigitGallery {
  show(digits: DigitImages | undefined): void
}

export function createDigitGallery(container: HTMLElement): DigitGallery {
  let shown: DigitImages | undefined
  let canvases: readonly (readonly [HTMLCanvasElement, HTMLCanvasElement])[] = []
  return {
    show: (digits) => {
      if (digits === shown) return
      shown = digits
      const count = digits === undefined ? 0 : digits.originals.length / pixels
      if (count !== canvases.length) canvases = fill(container, count)
      if (digits === undefined) return
      canvases.forEach(([original, output], i) => {
        draw(original, digits.originals.subarray(i * pixels, (i + 1) * pixels))
        draw(output, digits.outputs.subarray(i * pixels, (i + 1) * pixels))
      })
    },
  }
}

/** As many pairs of canvases as wanted. */
function fill(container: HTMLElement, count: number): [HTMLCanvasElement, HTMLCanvasElement][] {
  const pairs = Array.from({ length: count }, (_, i): [HTMLCanvasElement, HTMLCanvasElement] => [
    digitCanvas(`held-out digit ${i + 1}`),
    digitCanvas(`its reconstruction, digit ${i + 1}`),
  ])
  container.replaceChildren(
    ...pairs.map((pair) => {
      const item = document.createElement('li')
      item.append(...pair)
      return item
    }),
  )
  return pairs
}

function digitCanvas(label: string): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = side
  canvas.height = side
  canvas.setAttribute('role', 'img')
  canvas.setAttribute('aria-label', label)
  return canvas
}

function draw(canvas: HTMLCanvasElement, image: Float32Array): void {
  const context = canvas.getContext('2d')
  if (context === null) return
  const ink = context.createImageData(side, side)
  image.forEach((value, i) => (ink.data[4 * i + 3] = Math.round(255 * Math.min(1, Math.max(0, value)))))
  context.putImageData(ink, 0, 0)
}
