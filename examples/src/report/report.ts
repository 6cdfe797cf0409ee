/**
 * report.html: one self-contained page that shows a run; nothing is fetched when it is opened.
 */
import { casesProcessed } from '@hessian-free/hf'
import type { HessianFreeStep } from '@hessian-free/hf'
import { formatCount, formatNumber } from '../terminal/numberFormat.ts'
import { chartsOf } from './charts.ts'

export interface RunHeader {
  readonly example: string
  readonly preset: string
  readonly backend: string
  readonly metric: string
  /** Everything else worth knowing: network, sampling, seed, versions. */
  readonly settings: Readonly<Record<string, string | number>>
  readonly initial?: { readonly heldOutLoss: number; readonly heldOutMetric: number }
}

export interface ReportParts {
  readonly header: RunHeader
  readonly steps: readonly HessianFreeStep[]
  /** Why the run ended. */
  readonly ended: string
  /** Data URI of originals above reconstructions, if the example makes images. */
  readonly digits?: string
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c)

const style = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 1180px; margin: 2rem auto; padding: 0 1rem }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 1.5rem }
figure { margin: 0 } figcaption { font-weight: 600; margin-bottom: .3rem }
figure { position: relative } .legend { position: absolute; top: 0; right: 0; font-size: .8rem }
.legend span { margin-left: 1em }
svg { width: 100%; height: auto; overflow: visible }
table { border-collapse: collapse } td { padding: .15rem 1rem .15rem 0; vertical-align: top }
img { image-rendering: pixelated; width: 100%; max-width: 900px; background: white }
`

const table = (rows: readonly (readonly [string, string])[]): string =>
  `<table>${rows.map(([name, value]) => `<tr><td>${escaped(name)}</td><td>${escaped(value)}</td></tr>`).join('')}</table>`

/** The page as text. */
export function renderReport({ header, steps, ended, digits }: ReportParts): string {
  const last = steps.at(-1)
  const title = `${header.example} (${header.preset})`
  const summary: (readonly [string, string])[] = [
    ['ended', ended],
    ['iterations', `${steps.length}, ${steps.filter(({ accepted }) => !accepted).length} of them rejected`],
    [
      'held-out loss',
      `${formatNumber(header.initial?.heldOutLoss ?? NaN, 6)} → ${formatNumber(last?.heldOutLoss ?? NaN, 6)}`,
    ],
    [
      `held-out ${header.metric}`,
      `${formatNumber(header.initial?.heldOutMetric ?? NaN, 5)} → ${formatNumber(last?.heldOutMetric ?? NaN, 5)}`,
    ],
    ['seconds', formatNumber(last?.seconds ?? 0)],
    ['Gauss-Newton products', String(last?.work.products ?? 0)],
    ['cases processed', last === undefined ? '0' : formatCount(casesProcessed(last.work))],
  ]
  const all: Readonly<Record<string, string | number>> = { backend: header.backend, ...header.settings }
  const settings = Object.entries(all).map(
    ([name, value]) => [name, typeof value === 'number' ? value.toString() : value] as const,
  )
  const charts = steps.length === 0 ? [] : chartsOf(steps, header.metric)
  const figures = charts.map(
    (chart) => `<figure><figcaption>${escaped(chart.title)}</figcaption>${chart.svg}</figure>`,
  )
  const strip =
    digits === undefined
      ? ''
      : `<h2>Held-out digits and their reconstructions</h2><img alt="originals above, reconstructions below" src="${digits}">`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title><style>${style}</style></head>
<body><h1>${escaped(title)}</h1>${table(summary)}<h2>Course</h2><main>${figures.join('\n')}</main>
${strip}<h2>Settings</h2>${table(settings)}</body></html>
`
}
