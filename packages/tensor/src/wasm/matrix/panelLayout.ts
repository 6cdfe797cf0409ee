/**
 * Where the packed panels of one operand of a product lie. Lanes are rows of the left operand or columns of the right
 * one; a panel holds `width` lanes, the last one filled up with zeros. The depth is cut into blocks; within a block, panel
 * after panel:
 *   address(entry, block, panel) = entry·wholeBytes + 4·paddedLanes·blockStart + 4·panel·width·blockDepth.
 * Blocks along the depth decide the order of rounding: they depend on the shape alone.
 */
export interface PanelLayout {
  readonly lanes: number
  readonly width: number
  readonly depth: number
  readonly depthBlock: number
  /** Matrices; 1 where all entries of a batch share one. */
  readonly entries: number
  /** Panels of one matrix. */
  readonly panels: number
  readonly blocks: number
  /** Bytes of one matrix. */
  readonly wholeBytes: number
  readonly bytes: number
}

/** Heuristic: a right panel of this depth (10 KiB) stays in the first-level cache beside the left panels. */
const depthBlockLimit = 320

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple

/** Nearly equal blocks of at most `limit`: a tail of a few steps would cost a whole pass over C. */
export const balancedBlock = (extent: number, limit: number, multiple: number): number =>
  roundUp(Math.ceil(extent / Math.max(1, Math.ceil(extent / limit))), multiple)

const depthBlockOf = (depth: number): number => balancedBlock(depth, depthBlockLimit, 8)

export function panelLayout(lanes: number, width: number, depth: number, entries: number): PanelLayout {
  const depthBlock = depthBlockOf(depth)
  const panels = Math.ceil(lanes / width)
  const wholeBytes = 4 * panels * width * depth
  return {
    lanes,
    width,
    depth,
    depthBlock,
    entries,
    panels,
    blocks: Math.ceil(depth / depthBlock),
    wholeBytes,
    bytes: entries * wholeBytes,
  }
}

/** [start, depth] of each block along the depth. */
export function depthBlocks(depth: number): [number, number][] {
  const block = depthBlockOf(depth)
  return Array.from({ length: Math.ceil(depth / block) }, (_, i) => [
    i * block,
    Math.min(block, depth - i * block),
  ])
}
