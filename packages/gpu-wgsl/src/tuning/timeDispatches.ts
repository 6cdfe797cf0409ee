/**
 * How long lists of dispatches take on a device: candidates for one job, each timed as one pass with timestamps at its
 * ends, several rounds in turn, the median of the rounds.
 *
 * Timestamps may be quantised (65,536 ns in Dawn by default, 100 µs in Chrome), so a candidate is repeated within its
 * pass until the pass is long against that. Where the device has no timestamps, or they stand still, the wall clock around
 * the end of the submitted work takes their place, with longer passes. A candidate that does not compile or run is
 * dropped.
 */
import type { ShaderDispatch, StorageIndex } from '../wgsl/shaderDispatch.ts'
import type { DispatchSequence } from './dispatchSequence.ts'
import { prepareSequence } from './dispatchSequence.ts'
import type { PassClock } from './passClock.ts'
import { openClock, wallClock } from './passClock.ts'

export interface TimedCandidate {
  readonly dispatches: readonly ShaderDispatch[]
  /** Bytes of every storage bound; candidates share those of equal number. */
  readonly storages: ReadonlyMap<StorageIndex, number>
}

export interface TimingOptions {
  /** Measurements of each candidate; default 5. */
  readonly rounds?: number
  /** Candidates this many times slower than the fastest in a first measurement are not measured again; default 2. */
  readonly abandonBeyond?: number
  /** Take the wall clock although the device has timestamps. */
  readonly useWallClock?: boolean
}

export interface DispatchTimings {
  readonly clock: PassClock['kind']
  /** Seconds of one execution of each candidate; undefined for those dropped. */
  readonly seconds: readonly (number | undefined)[]
  /** Why candidates were dropped. */
  readonly failures: readonly { readonly candidate: number; readonly message: string }[]
}

interface Running {
  readonly candidate: number
  readonly sequence: DispatchSequence
  repetitions: number
  readonly measured: number[]
}

const maximumRepetitions = 4096
/** Growth of repetitions in one step, since a quantised first measurement may be zero. */
const maximumGrowth = 16

/** A pass that takes so long by the wall clock and no time by its timestamps: they stand still. */
const stillSeconds = 0.05

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

/** Times candidates. Buffers are made, filled with harmless numbers, and destroyed here. */
export async function timeDispatches(
  candidates: readonly TimedCandidate[],
  device: GPUDevice,
  options: TimingOptions = {},
): Promise<DispatchTimings> {
  const { rounds = 5, abandonBeyond = 2, useWallClock = false } = options
  const failures: { candidate: number; message: string }[] = []
  const running: Running[] = []
  const seconds: (number | undefined)[] = candidates.map(() => undefined)
  const unlessLost = lossOf(device)
  const open = (wanted: PassClock): PassClock => ({
    ...wanted,
    time: (sequence, repetitions) => unlessLost(wanted.time(sequence, repetitions)),
  })
  let clock = open(useWallClock ? wallClock(device) : openClock(device))
  const buffers = new Map<StorageIndex, GPUBuffer>()
  const nothing = (message: string): DispatchTimings => ({
    clock: clock.kind,
    seconds: candidates.map(() => undefined),
    failures: candidates.map((_, candidate) => ({ candidate, message })),
  })
  try {
    device.pushErrorScope('validation')
    device.pushErrorScope('out-of-memory')
    for (const [storage, bytes] of largestStorages(candidates)) buffers.set(storage, roomy(device, bytes))
    fill(device, buffers.values())
    const scopes = [device.popErrorScope(), device.popErrorScope()]
    const refused = (await unlessLost(Promise.all(scopes))).find((error) => error !== null)
    if (refused) return nothing(refused.message)
    for (const [candidate, { dispatches }] of candidates.entries()) {
      try {
        const sequence = await unlessLost(prepareSequence(device, dispatches, buffers))
        await unlessLost(guarded(device, () => clock.time(sequence, 1)))
        const next: Running = { candidate, sequence, repetitions: 1, measured: [] }
        let first = await unlessLost(guarded(device, () => calibrate(clock, next)))
        if (first === 0 && clock.kind === 'timestamps') {
          clock.close()
          clock = open(wallClock(device))
          next.repetitions = 1
          first = await unlessLost(guarded(device, () => calibrate(clock, next)))
          // What the clock that stands still has said so far is worth nothing.
          for (const earlier of running) {
            earlier.repetitions = 1
            seconds[earlier.candidate] = await unlessLost(guarded(device, () => calibrate(clock, earlier)))
          }
        }
        seconds[candidate] = first
        running.push(next)
      } catch (error) {
        if (error instanceof Lost) throw error
        failures.push({ candidate, message: error instanceof Error ? error.message : String(error) })
      }
    }
    const fastest = Math.min(...running.map(({ candidate }) => seconds[candidate] ?? Infinity))
    const contenders = running.filter(
      ({ candidate }) => (seconds[candidate] ?? Infinity) <= abandonBeyond * fastest,
    )
    for (let round = 0; round < rounds; round++) {
      // Another one first each time, since clocks rise and fall during a round.
      for (let i = 0; i < contenders.length; i++) {
        const next = contenders[(i + round) % contenders.length]
        next.measured.push((await clock.time(next.sequence, next.repetitions)) / next.repetitions)
      }
    }
    for (const { candidate, measured } of contenders) {
      if (measured.length > 0) seconds[candidate] = median(measured)
    }
    return { clock: clock.kind, seconds, failures }
  } catch (error) {
    if (error instanceof Lost) return nothing(error.message)
    throw error
  } finally {
    clock.close()
    for (const buffer of buffers.values()) buffer.destroy()
  }
}

/** Ends the wait for a lost device. */
class Lost extends Error {}

/** Waits for work, but no longer than the device lives: not every implementation settles what a lost one had under way. */
function lossOf(device: GPUDevice): <T>(work: Promise<T>) => Promise<T> {
  const lost = device.lost.then(({ message }): never => {
    throw new Lost(`the device was lost: ${message}`)
  })
  // A loss after the last wait concerns nobody here.
  lost.catch(() => undefined)
  return (work) => Promise.race([work, lost])
}

/** Repeats until a pass is long enough for the clock. @returns seconds of one execution, 0 where the clock stands still. */
async function calibrate(clock: PassClock, candidate: Running): Promise<number> {
  for (;;) {
    const { sequence, repetitions } = candidate
    const started = performance.now()
    const total = await clock.time(sequence, repetitions)
    if (total === 0 && performance.now() - started >= 1000 * stillSeconds) return 0
    if (total >= clock.leastSeconds || repetitions >= maximumRepetitions) return total / repetitions
    const wanted = total === 0 ? Infinity : Math.ceil((1.2 * clock.leastSeconds * repetitions) / total)
    candidate.repetitions = Math.min(wanted, maximumGrowth * repetitions, maximumRepetitions)
  }
}

/** Runs work and throws what the device says of it. */
async function guarded<T>(device: GPUDevice, work: () => Promise<T>): Promise<T> {
  device.pushErrorScope('validation')
  device.pushErrorScope('internal')
  const result = work()
  // All are waited for before one is judged: a promise left alone that rejects would end the process.
  const [value, ...scopes] = await Promise.allSettled([
    result,
    device.popErrorScope(),
    device.popErrorScope(),
  ])
  for (const scope of scopes) {
    if (scope.status === 'fulfilled' && scope.value !== null) throw new Error(scope.value.message)
  }
  if (value.status === 'rejected') {
    throw value.reason instanceof Error ? value.reason : new Error(String(value.reason))
  }
  return value.value
}

function largestStorages(candidates: readonly TimedCandidate[]): Map<StorageIndex, number> {
  const largest = new Map<StorageIndex, number>()
  for (const { storages } of candidates) {
    for (const [storage, bytes] of storages) {
      largest.set(storage, Math.max(bytes, largest.get(storage) ?? 0))
    }
  }
  return largest
}

const patternBytes = 2 ** 20

const roomy = (device: GPUDevice, bytes: number): GPUBuffer =>
  device.createBuffer({
    size: Math.max(16, Math.ceil(bytes / 16) * 16),
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  })

/**
 * Words that are numbers around one as float32 and as pairs of float16: neither zeros, which multiply faster than other
 * numbers on hardware, nor subnormals and NaN, which are slower on processors. One piece is uploaded and copied on the
 * device, because gigabytes of operands would pass through as much memory of the host.
 */
function fill(device: GPUDevice, buffers: Iterable<GPUBuffer>): void {
  let state = 1
  const words = Uint32Array.from({ length: patternBytes / 4 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return 0x3f000000 | (state & 0x807fbfff)
  })
  const pattern = device.createBuffer({
    size: patternBytes,
    usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  })
  device.queue.writeBuffer(pattern, 0, words)
  const encoder = device.createCommandEncoder()
  for (const buffer of buffers) {
    for (let offset = 0; offset < buffer.size; offset += patternBytes) {
      encoder.copyBufferToBuffer(pattern, 0, buffer, offset, Math.min(patternBytes, buffer.size - offset))
    }
  }
  device.queue.submit([encoder.finish()])
  pattern.destroy()
}
