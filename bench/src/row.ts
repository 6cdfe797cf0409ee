/**
 * One measurement, printed as one JSON line: what ran, how long it took, and beside which peer.
 */
import type { Timing } from './interleave.ts'

export interface Row {
  readonly suite: string
  readonly case: string
  readonly backend: string
  readonly threads: number
  /** Median of the interleaved runs, and the least. */
  readonly milliseconds: number
  readonly least: number
  readonly gflops: number | null
  readonly peer: string | null
  readonly peerMilliseconds: number | null
  readonly peerLeast: number | null
  /** peerMilliseconds / milliseconds: how many times faster we are. */
  readonly ratio: number | null
  /** The ratio the project holds itself to, where there is one. */
  readonly target: number | null
  readonly spread: number
  readonly runs: number
  readonly node: string
}

export interface RowParts {
  readonly suite: string
  readonly case: string
  readonly timing: Timing
  readonly flops?: number
  readonly peer?: { readonly name: string; readonly timing: Timing }
  readonly target?: number
  /** Default 'wasm'. */
  readonly backend?: string
}

const rounded = (value: number, digits = 3): number => Number(value.toPrecision(digits + 1))

export const rowOf = ({
  suite,
  case: name,
  timing,
  flops,
  peer,
  target,
  backend = 'wasm',
}: RowParts): Row => ({
  suite,
  case: name,
  backend,
  threads: 1,
  milliseconds: rounded(timing.milliseconds),
  least: rounded(timing.least),
  gflops: flops === undefined ? null : rounded(flops / timing.milliseconds / 1e6),
  peer: peer?.name ?? null,
  peerMilliseconds: peer === undefined ? null : rounded(peer.timing.milliseconds),
  peerLeast: peer === undefined ? null : rounded(peer.timing.least),
  ratio: peer === undefined ? null : rounded(peer.timing.milliseconds / timing.milliseconds),
  target: target ?? null,
  spread: rounded(timing.spread, 2),
  runs: timing.runs,
  node: process.versions.node,
})

/** The rows as an aligned table, with a verdict where there is a target. */
export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.suite,
    row.case,
    `${row.milliseconds} ms`,
    row.gflops === null ? '' : `${row.gflops} GFLOP/s`,
    row.peer === null ? 'no peer' : `${row.peer} ${row.peerMilliseconds ?? ''} ms`,
    row.ratio === null ? '' : `${row.ratio}×`,
    row.target === null
      ? ''
      : `≥ ${row.target}× ${row.ratio === null ? '' : row.ratio >= row.target ? 'met' : 'MISSED'}`,
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
