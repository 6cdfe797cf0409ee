/**
 * A line chart of Observable Plot that fits its container, follows the page's colours, and shows values under the pointer.
 */
import * as Plot from '@observablehq/plot'

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

function draw(
  { series, xLabel, yLabel, height, logarithmic, countsX, description }: ChartContents,
  width: number,
) {
  const points = series.flatMap(({ name, points }) =>
    points
      .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
      .map((point) => ({ ...point, name })),
  )
  const isLogarithmic = logarithmic === true && points.length > 0 && points.every(({ y }) => y > 0)
  const last = series.flatMap(({ name, points }) => points.slice(-1).map((point) => ({ ...point, name })))
  return Plot.plot({
    width,
    height,
    marginLeft: 48,
    marginRight: 12,
    marginTop: 22,
    marginBottom: 34,
    style: { background: 'transparent', color: 'var(--muted)', fontFamily: 'inherit', fontSize: '11px' },
    ariaLabel: description,
    x: {
      label: xLabel,
      labelArrow: 'none',
      nice: false,
      ...(points.length === 0 ? { domain: [0, 1], ticks: [] } : { zero: countsX !== true }),
      ticks: points.length === 0 ? 0 : Math.max(3, Math.floor(width / 90)),
      ...(countsX === true ? { tickFormat: (x: number) => (Number.isInteger(x) ? String(x) : '') } : {}),
    },
    y: {
      label: yLabel,
      labelArrow: 'none',
      nice: true,
      ...(points.length === 0 ? { domain: [0, 1] } : {}),
      ...(isLogarithmic ? { type: 'log' as const, tickFormat: '~g' } : {}),
      ticks: points.length === 0 ? 0 : Math.max(3, Math.floor(height / 45)),
    },
    color: { domain: series.map(({ name }) => name), range: series.map(({ colour }) => colour) },
    marks: [
      Plot.gridY({ stroke: 'var(--grid)', strokeOpacity: 1, ...(points.length === 0 ? { ticks: 0 } : {}) }),
      Plot.ruleY([0], { stroke: 'none' }),
      Plot.lineY(points, { x: 'x', y: 'y', z: 'name', stroke: 'name', strokeWidth: 1.75 }),
      Plot.dot(last, { x: 'x', y: 'y', z: 'name', fill: 'name', r: 2.75 }),
      Plot.tip(
        points,
        Plot.pointer({
          x: 'x',
          y: 'y',
          z: 'name',
          stroke: 'name',
          fill: 'var(--surface)',
          title: ({ x, y, name }: ChartPoint & { name: string }) =>
            `${name}\n${xLabel}: ${format(x)}\n${yLabel}: ${format(y)}`,
        }),
      ),
    ],
  })
}

const format = (value: number): string => String(Number(value.toPrecision(5)))
