/**
 * A row of the GPU benchmarks: the fields of every other row, and what only a device has: which one it was, by which
 * clock, and how near to its peak. A measurement that could not be made is a row too, with the reason in `note`.
 */
import type { Timing } from '../interleave.ts'
import type { Row } from '../row.ts'

/**
 * `wall`: from enqueueing to the end of the wait, over many replays enqueued together; `timestamp`: the device's own
 * clock around a pass; `host`: what the calling thread spends on enqueueing, device time not included.
 */
export type Clock = 'wall' | 'timestamp' | 'host'

type SharedField =
  | 'suite'
  | 'case'
  | 'backend'
  | 'threads'
  | 'gflops'
  | 'peer'
  | 'peerMilliseconds'
  | 'peerLeast'
  | 'ratio'
  | 'target'
  | 'runs'
  | 'node'

export interface GpuRow extends Pick<Row, SharedField> {
  readonly device: string
  readonly milliseconds: number | null
  readonly least: number | null
  readonly spread: number | null
  readonly clock?: Clock
  readonly gigabytesPerSecond?: number
  /** Of the card's data sheet (`knownCards.ts`). */
  readonly shareOfPeak?: number
  /** Of what a micro-kernel or the best copy reached on this device in this run. */
  readonly shareOfMeasured?: number
  /** Largest error against float64, relative to the largest result. */
  readonly relativeError?: number
  readonly microsecondsPerDispatch?: number
  readonly note?: string
  readonly details?: Readonly<Record<string, unknown>>
}

export interface GpuRowParts {
  readonly suite: string
  readonly case: string
  readonly timing?: Timing
  readonly clock?: Clock
  readonly flops?: number
  readonly bytes?: number
  /** Peaks in FLOP/s or bytes/s, whichever of `flops` and `bytes` is given. */
  readonly peak?: number | undefined
  readonly measured?: number | undefined
  readonly relativeError?: number
  readonly dispatches?: number
  /** Most microseconds per dispatch that the project allows itself. */
  readonly target?: number
  readonly note?: string
  readonly details?: Readonly<Record<string, unknown>>
}

const rounded = (value: number, digits = 4): number => Number(value.toPrecision(digits))
const orNull = (value: number | undefined, digits?: number): number | null =>
  value === undefined || !Number.isFinite(value) ? null : rounded(value, digits)

/** The fields that have a finite value. */
const present = (fields: Readonly<Record<string, number | undefined>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      value === undefined || !Number.isFinite(value) ? [] : [[name, rounded(value, 3)]],
    ),
  )

/** @param surroundings the device's name and the backend that ran. */
export function gpuRowOf(
  parts: GpuRowParts,
  { device, backend }: { readonly device: string; readonly backend: string },
): GpuRow {
  const { timing, flops, bytes, peak, measured, dispatches, clock, note, details } = parts
  const seconds = timing === undefined ? NaN : timing.milliseconds / 1e3
  const rate = (flops ?? bytes ?? NaN) / seconds
  return {
    suite: parts.suite,
    case: parts.case,
    backend,
    device,
    threads: 1,
    milliseconds: orNull(timing?.milliseconds),
    least: orNull(timing?.least),
    gflops: flops === undefined ? null : orNull(rate / 1e9),
    peer: null,
    peerMilliseconds: null,
    peerLeast: null,
    ratio: null,
    target: parts.target ?? null,
    spread: orNull(timing?.spread, 3),
    runs: timing?.runs ?? 0,
    node: process.versions.node,
    ...present({
      gigabytesPerSecond: flops === undefined ? rate / 1e9 : undefined,
      shareOfPeak: rate / (peak ?? NaN),
      shareOfMeasured: rate / (measured ?? NaN),
      relativeError: parts.relativeError,
      microsecondsPerDispatch: (seconds * 1e6) / (dispatches ?? NaN),
    }),
    ...(clock === undefined ? {} : { clock }),
    ...(note === undefined ? {} : { note }),
    ...(details === undefined ? {} : { details }),
  }
}

const percent = (share: number | undefined, of: string): string =>
  share === undefined ? '' : `${(100 * share).toPrecision(3)} % of ${of}`

/** The least beside the median: on a busy machine the median is the cost of being interrupted. */
function verdict({ microsecondsPerDispatch: cost, milliseconds, least, target }: GpuRow): string {
  if (cost === undefined) return ''
  const lowest = rounded((cost * (least ?? NaN)) / (milliseconds ?? NaN), 3)
  const verdictOfTarget = target === null ? '' : `, ≤ ${target} ${cost <= target ? 'met' : 'MISSED'}`
  return `${cost} µs per dispatch (least ${lowest})${verdictOfTarget}`
}

function rate({ gflops, gigabytesPerSecond }: GpuRow): string {
  if (gflops !== null) return gflops >= 1e4 ? `${rounded(gflops / 1e3)} TFLOP/s` : `${gflops} GFLOP/s`
  return gigabytesPerSecond === undefined ? '' : `${gigabytesPerSecond} GB/s`
}

/** The rows as an aligned table. */
export function formatGpuTable(rows: readonly GpuRow[]): string {
  const cells = rows.map((row) => [
    row.suite,
    row.case,
    row.backend,
    row.milliseconds === null ? '' : `${row.milliseconds} ms`,
    row.clock ?? '',
    rate(row),
    [
      percent(row.shareOfPeak, 'peak'),
      percent(row.shareOfMeasured, 'measured peak'),
      row.relativeError === undefined ? '' : `error ${row.relativeError.toExponential(1)}`,
      verdict(row),
      row.note ?? '',
    ]
      .filter((part) => part !== '')
      .join(', '),
  ])
  const widths = cells.reduce<number[]>(
    (all, line) => line.map((cell, i) => Math.max(all[i] ?? 0, cell.length)),
    [],
  )
  const aligned = cells.map((line) =>
    line
      .map((cell, i) => cell.padEnd(i === line.length - 1 ? 0 : widths[i]))
      .join('  ')
      .trimEnd(),
  )
  return [`device: ${rows[0]?.device ?? 'none'}`, ...aligned].join('\n')
}
