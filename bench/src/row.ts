/**
 * One measurement, printed as one JSON line: what ran, how long it took, beside which peer, and which share it is of what
 * the machine allows.
 */
import type { Timing } from './interleave.ts'
import { load, machineName } from './machine.ts'

/** A bound measured in the same interleaved run: what the machine gives code that does nothing else. */
export interface Ceiling {
  /** As in "micro-kernel" or "copy". */
  readonly name: string
  /** Median and best rate, in the unit of the row: GFLOP/s or GB/s. */
  readonly rate: number
  readonly bestRate: number
}

export interface Row {
  readonly suite: string
  readonly case: string
  readonly backend: string
  readonly threads: number
  /** Median of the interleaved runs, and the least. */
  readonly milliseconds: number
  readonly least: number
  readonly gflops: number | null
  readonly gigabytesPerSecond: number | null
  readonly ceiling: Ceiling | null
  /** Rate / ceiling, by medians and by the best runs. */
  readonly share: number | null
  readonly bestShare: number | null
  readonly peer: string | null
  readonly peerThreads: number | null
  readonly peerMilliseconds: number | null
  readonly peerLeast: number | null
  /** peerMilliseconds / milliseconds: how many times faster we are. */
  readonly ratio: number | null
  /** The ratio the project holds itself to, where there is one. */
  readonly target: number | null
  /** milliseconds / peerMilliseconds at most, where that is how the aim is put. */
  readonly atMost: number | null
  /** The share of the ceiling aimed at. */
  readonly aimedShare: number | null
  readonly spread: number
  readonly runs: number
  readonly node: string
  readonly machine: string
  readonly load: number
  readonly note: string | null
}

export interface RowParts {
  readonly suite: string
  readonly case: string
  readonly timing: Timing
  readonly flops?: number
  /** Bytes read and written, each array counted once. */
  readonly bytes?: number
  readonly ceiling?: Ceiling
  readonly peer?: {
    readonly name: string
    readonly timing: Timing
    /** Those of the row if left out. */
    readonly threads?: number
  }
  readonly target?: number
  readonly atMost?: number
  readonly aimedShare?: number
  /** Default 'wasm'. */
  readonly backend?: string
  /** Default 1. */
  readonly threads?: number
  readonly note?: string
}

const rounded = (value: number, digits = 3): number => Number(value.toPrecision(digits + 1))
const orNull = (value: number | undefined): number | null => (value === undefined ? null : rounded(value))

export function rowOf({
  suite,
  case: name,
  timing,
  flops,
  bytes,
  ceiling,
  peer,
  target,
  atMost,
  aimedShare,
  backend = 'wasm',
  threads = 1,
  note,
}: RowParts): Row {
  const work = flops ?? bytes
  const share = (milliseconds: number, rate: number | undefined): number | null =>
    work === undefined || rate === undefined ? null : rounded(work / milliseconds / 1e6 / rate)
  return {
    suite,
    case: name,
    backend,
    threads,
    milliseconds: rounded(timing.milliseconds),
    least: rounded(timing.least),
    gflops: flops === undefined ? null : rounded(flops / timing.milliseconds / 1e6),
    gigabytesPerSecond: bytes === undefined ? null : rounded(bytes / timing.milliseconds / 1e6),
    ceiling:
      ceiling === undefined
        ? null
        : { name: ceiling.name, rate: rounded(ceiling.rate), bestRate: rounded(ceiling.bestRate) },
    share: share(timing.milliseconds, ceiling?.rate),
    bestShare: share(timing.least, ceiling?.bestRate),
    peer: peer?.name ?? null,
    peerThreads: peer === undefined ? null : (peer.threads ?? threads),
    peerMilliseconds: orNull(peer?.timing.milliseconds),
    peerLeast: orNull(peer?.timing.least),
    ratio: peer === undefined ? null : rounded(peer.timing.milliseconds / timing.milliseconds),
    target: target ?? null,
    atMost: atMost ?? null,
    aimedShare: aimedShare ?? null,
    spread: rounded(timing.spread, 2),
    runs: timing.runs,
    node: process.versions.node,
    machine: machineName(),
    load: load(),
    note: note ?? null,
  }
}
