/** Rows as a person reads them: an aligned table, with a verdict where there is an aim. */
import type { Row } from './row.ts'

const verdict = (aim: string, met: boolean | null): string =>
  `${aim} ${met === null ? '' : met ? 'met' : 'MISSED'}`

function aims({ ratio, target, atMost, share, aimedShare }: Row): string {
  return [
    target === null ? '' : verdict(`≥ ${target}×`, ratio === null ? null : ratio >= target),
    // Of the same measurements, the other way round: time, not speed.
    atMost === null ? '' : verdict(`≤ ${atMost}× its time`, ratio === null ? null : 1 / ratio <= atMost),
    aimedShare === null
      ? ''
      : verdict(`≥ ${aimedShare * 100} %`, share === null ? null : share >= aimedShare),
  ]
    .filter((each) => each !== '')
    .join(', ')
}

function rate({ gflops, gigabytesPerSecond }: Row): string {
  if (gflops !== null) return `${gflops} GFLOP/s`
  return gigabytesPerSecond === null ? '' : `${gigabytesPerSecond} GB/s`
}

const percent = (share: number | null): string => (share === null ? '' : `${Math.round(share * 100)} %`)

const peerOf = ({ peer, peerThreads, threads, peerMilliseconds }: Row): string => {
  if (peer === null) return 'no peer'
  return `${peer}${peerThreads === threads ? '' : ` (${peerThreads ?? ''} thread)`} ${peerMilliseconds ?? ''} ms`
}

export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.suite,
    row.case,
    `${row.threads} thr`,
    `${row.milliseconds} ms`,
    `best ${row.least}`,
    rate(row),
    row.ceiling === null
      ? ''
      : `${percent(row.share)} (best ${percent(row.bestShare)}) of ${row.ceiling.name} ${row.ceiling.rate}`,
    row.peer === null && row.ceiling !== null ? '' : peerOf(row),
    row.ratio === null ? '' : `${row.ratio}×`,
    aims(row),
  ])
  const widths = cells.reduce<number[]>(
    (all, line) => line.map((cell, i) => Math.max(all[i] ?? 0, cell.length)),
    [],
  )
  return cells
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
