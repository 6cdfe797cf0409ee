/**
 * Clocks for one compute pass: timestamps that the device writes at the ends of the pass, or the wall clock from its
 * submission to its end, which includes the way there and back (0.1 ms in Node, 0.7 ms in browsers).
 */
import type { DispatchSequence } from './dispatchSequence.ts'

export interface PassClock {
  readonly kind: 'timestamps' | 'wall'
  /** Passes shorter than this are timed too coarsely. */
  readonly leastSeconds: number
  /** Seconds of one pass that encodes a sequence so many times. */
  time(sequence: DispatchSequence, repetitions: number): Promise<number>
  close(): void
}

function encodePass(
  encoder: GPUCommandEncoder,
  descriptor: GPUComputePassDescriptor,
  sequence: DispatchSequence,
  repetitions: number,
): void {
  const pass = encoder.beginComputePass(descriptor)
  for (let i = 0; i < repetitions; i++) sequence.encode(pass)
  pass.end()
}

export function wallClock(device: GPUDevice): PassClock {
  return {
    kind: 'wall',
    leastSeconds: 10e-3,
    async time(sequence, repetitions) {
      const encoder = device.createCommandEncoder()
      encodePass(encoder, {}, sequence, repetitions)
      const started = performance.now()
      device.queue.submit([encoder.finish()])
      await device.queue.onSubmittedWorkDone()
      return (performance.now() - started) / 1000
    },
    close: () => undefined,
  }
}

/** The best clock of a device. */
export function openClock(device: GPUDevice): PassClock {
  return device.features.has('timestamp-query') ? timestampClock(device) : wallClock(device)
}

function timestampClock(device: GPUDevice): PassClock {
  const querySet = device.createQuerySet({ type: 'timestamp', count: 2 })
  const resolved = device.createBuffer({
    size: 16,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  })
  const staging = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  const timestampWrites = { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 }
  return {
    kind: 'timestamps',
    // Twenty steps of the coarsest quantisation known, 100 µs.
    leastSeconds: 2e-3,
    async time(sequence, repetitions) {
      const encoder = device.createCommandEncoder()
      encodePass(encoder, { timestampWrites }, sequence, repetitions)
      encoder.resolveQuerySet(querySet, 0, 2, resolved, 0)
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16)
      device.queue.submit([encoder.finish()])
      await staging.mapAsync(GPUMapMode.READ)
      const [start, end] = new BigUint64Array(staging.getMappedRange())
      const nanoseconds = Number(end - start)
      staging.unmap()
      // Some drivers let counters wrap or reset between passes.
      return Math.max(0, nanoseconds) * 1e-9
    },
    close: () => {
      querySet.destroy()
      resolved.destroy()
      staging.destroy()
    },
  }
}
