/**
 * Rows as tables of docs/performance.md: `npm run bench -- table FILE…` prints them from saved lines, one table for each
 * suite, so that no figure is copied by hand.
 */
import type { Row } from './row.ts'

const head = ['case', 'threads', 'ours (best)', 'rate', 'share of ceiling (best)', 'beside', 'ratio', 'aim']

const aimOf = ({ target, atMost, aimedShare }: Row): string =>
  [
    target === null ? '' : `≥ ${target}×`,
    atMost === null ? '' : `≥ ${Number((1 / atMost).toFixed(2))}×`,
    aimedShare === null ? '' : `≥ ${aimedShare * 100} %`,
  ]
    .filter((aim) => aim !== '')
    .join(', ')

const short = (value: number): string => String(Number(value.toPrecision(3)))

const percent = (share: number | null): string => (share === null ? '' : `${Math.round(100 * share)} %`)

function cellsOf(row: Row): string[] {
  const { gflops, gigabytesPerSecond, ceiling, peer, peerMilliseconds, peerThreads, ratio } = row
  const threads = peerThreads === row.threads || peerThreads === null ? '' : `, ${peerThreads} thread`
  return [
    row.case,
    String(row.threads),
    `${short(row.milliseconds)} ms (${short(row.least)})`,
    gflops !== null
      ? `${short(gflops)} GFLOP/s`
      : gigabytesPerSecond !== null
        ? `${short(gigabytesPerSecond)} GB/s`
        : '',
    ceiling === null
      ? ''
      : `${percent(row.share)} (${percent(row.bestShare)}) of ${ceiling.name} ${short(ceiling.rate)}`,
    peer === null ? '' : `${peer}${threads} ${short(peerMilliseconds ?? 0)} ms`,
    ratio === null ? '' : `${short(ratio)}×`,
    aimOf(row),
  ]
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

/** @param lines JSON lines of rows; empty ones are passed over. */
export function markdownTables(lines: readonly string[]): string {
  const rows = lines.filter((text) => text.trim() !== '').map((text) => JSON.parse(text) as Row)
  const suites = [...new Set(rows.map(({ suite }) => suite))]
  return suites
    .map((suite) => {
      const own = rows.filter((row) => row.suite === suite)
      const loads = own.map(({ load }) => load)
      const conditions = `Node ${own[0].node}, ${own[0].machine}, load ${Math.min(...loads)} to ${Math.max(...loads)}`
      return [
        `### ${suite}`,
        '',
        `${conditions}.`,
        '',
        line(head),
        line(head.map(() => '---')),
        ...own.map((row) => line(cellsOf(row))),
      ].join('\n')
    })
    .join('\n\n')
}
