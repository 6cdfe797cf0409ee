/**
 * A line chart of Observable Plot that fits its container, follows the page's colours, and shows values under the pointer.
 */
import * as Plot from '@observablehq/plot'
import { logarithmicTicks } from './logarithmicTicks.ts'

export interface ChartPoint {
  readonly x: number
  readonly y: number
}

export interface ChartSeries {
  readonly name: string
  /** A colour of the style sheet, such as `var(--held-out)`. */
  readonly colour: string
  readonly points: readonly ChartPoint[]
}

export interface ChartContents {
  readonly series: readonly ChartSeries[]
  readonly xLabel: string
  readonly yLabel: string
  readonly height: number
  /** Logarithmic y, where all values are positive. */
  readonly logarithmic?: boolean
  /** Begins y at zero, where it is not logarithmic. */
  readonly zero?: boolean
  /** Whole numbers along x. */
  readonly countsX?: boolean
  /** For people who cannot see it. */
  readonly description: string
}

export interface Chart {
  show(contents: ChartContents): void
}

/** Draws into the container, and again whenever its width changes. */
export function createChart(container: HTMLElement): Chart {
  let contents: ChartContents | undefined
  let width = 0
  const redraw = (): void => {
    if (contents !== undefined && width > 0) container.replaceChildren(draw(contents, width))
  }
  new ResizeObserver(([entry]) => {
    const next = Math.floor(entry.contentRect.width)
    if (next === width) return
    width = next
    redraw()
  }).observe(container)
  return {
    show: (next) => {
      contents = next
      redraw()
    },
  }
}

type Named = ChartPoint & { readonly name: string }

function draw(contents: ChartContents, width: number): Element {
  const { series, xLabel, yLabel, height, countsX, description } = contents
  const named = series.map(({ name, points }) =>
    points
      .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
      .map((point): Named => ({ ...point, name })),
  )
  const points = named.flat()
  const isEmpty = points.length === 0
  const channels = { x: 'x', y: 'y', z: 'name' } as const
  const y = isEmpty ? { domain: [0, 1], ticks: [] } : scaleOfY(contents, points)
  return Plot.plot({
    width,
    height,
    ...{ marginLeft: 48, marginRight: 12, marginTop: 22, marginBottom: 34 },
    style: { background: 'transparent', color: 'var(--muted)', fontFamily: 'inherit', fontSize: '11px' },
    ariaLabel: description,
    x: {
      label: xLabel,
      labelArrow: 'none',
      ...(isEmpty ? { domain: [0, 1], ticks: [] } : { ticks: Math.max(3, Math.floor(width / 90)) }),
      ...(countsX === true ? { tickFormat: wholeNumber } : {}),
    },
    y: { label: yLabel, labelArrow: 'none', ...y },
    color: { domain: series.map(({ name }) => name), range: series.map(({ colour }) => colour) },
    marks: [
      Plot.gridY({ ticks: isEmpty ? 4 : y.ticks, stroke: 'var(--grid)', strokeOpacity: 1 }),
      Plot.lineY(points, { ...channels, stroke: 'name', strokeWidth: 1.75 }),
      Plot.dot(
        named.flatMap((line) => line.slice(-1)),
        { ...channels, fill: 'name', r: 2.75 },
      ),
      Plot.tip(
        points,
        Plot.pointer({
          ...channels,
          stroke: 'name',
          fill: 'var(--surface)',
          title: ({ x, y, name }: Named) => `${name}\n${xLabel}: ${format(x)}\n${yLabel}: ${format(y)}`,
        }),
      ),
    ],
  })
}

/** Pixels of height per label along y. */
const labelHeight = 42

function scaleOfY({ logarithmic, zero, height }: ChartContents, points: readonly Named[]) {
  const values = points.map(({ y }) => y)
  const count = Math.max(3, Math.floor(height / labelHeight))
  const [lowest, highest] = [Math.min(...values), Math.max(...values)]
  // Below a factor of two a logarithm looks straight, and has hardly a round number.
  if (logarithmic !== true || lowest <= 0 || highest < 2 * lowest)
    return { nice: true, ticks: count, zero: zero === true }
  // A little room at both ends.
  const domain = [lowest / 1.05, highest * 1.05]
  return {
    type: 'log' as const,
    domain,
    ticks: logarithmicTicks(domain[0], domain[1], count),
    tickFormat: format,
  }
}

const wholeNumber = (value: number): string => (Number.isInteger(value) ? String(value) : '')

const format = (value: number): string => String(Number(value.toPrecision(5)))
