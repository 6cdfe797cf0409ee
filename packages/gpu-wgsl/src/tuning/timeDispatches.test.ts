import { describe, expect, it } from 'vitest'
import { requestDevice } from '../device/requestDevice.ts'
import { createDawn } from '../node/dawn.ts'
import { testDevice } from '../node/softwareDevice.ts'
import type { ShaderDispatch } from '../wgsl/shaderDispatch.ts'
import type { TimedCandidate } from './timeDispatches.ts'
import { timeDispatches } from './timeDispatches.ts'

const requested = await testDevice()

/** Every invocation goes through a loop of so many steps. */
function loop(steps: number, body = 'x = x * 1.0001 + 0.5;'): TimedCandidate {
  const dispatch: ShaderDispatch = {
    label: `loop ${steps}`,
    source: `@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  var x = source[id.x];
  for (var i = 0u; i < ${steps}u; i++) { ${body} }
  result[id.x] = x;
}`,
    bindings: [
      { storage: 7, access: 'read' },
      { storage: 3, access: 'read_write' },
    ],
    workgroups: [16, 1, 1],
  }
  return {
    dispatches: [dispatch],
    storages: new Map([
      [7, 4096],
      [3, 4096],
    ]),
  }
}

describe.skipIf(requested === undefined)('timing (skipped where no software Vulkan is offered)', () => {
  const { device } = requested!

  for (const useWallClock of [false, true]) {
    it(`orders work by its amount, by ${useWallClock ? 'the wall clock' : 'timestamps where there are any'}`, async () => {
      // So far apart that other work on the machine cannot turn them around.
      const { clock, seconds, failures } = await timeDispatches([loop(100_000), loop(10)], device, {
        useWallClock,
        rounds: 3,
      })
      expect(clock).toBe(!useWallClock && device.features.has('timestamp-query') ? 'timestamps' : 'wall')
      expect(failures).toEqual([])
      const [long, short] = seconds.map(Number)
      expect(short).toBeGreaterThan(0)
      expect(long).toBeGreaterThan(short)
    })
  }

  it('the two clocks agree within a factor of ten about work that is long enough', async () => {
    const candidates = [loop(50_000)]
    const { seconds } = await timeDispatches(candidates, device, { rounds: 3 })
    const wall = await timeDispatches(candidates, device, { rounds: 3, useWallClock: true })
    const ratio = Number(seconds[0]) / Number(wall.seconds[0])
    expect(ratio).toBeGreaterThan(1 / 10)
    expect(ratio).toBeLessThan(10)
  })

  it('drops a candidate that does not compile or cannot run, says why, and times the others', async () => {
    const tooLarge = loop(10)
    const unrunnable: TimedCandidate = {
      ...tooLarge,
      dispatches: [{ ...tooLarge.dispatches[0], label: 'unrunnable', workgroups: [70_000, 1, 1] }],
    }
    const { seconds, failures } = await timeDispatches(
      [loop(10, 'x = nothing;'), unrunnable, loop(100)],
      device,
      { rounds: 1 },
    )
    expect(seconds.map((value) => value !== undefined)).toEqual([false, false, true])
    expect(failures.map(({ candidate }) => candidate)).toEqual([0, 1])
    expect(failures[0].message).toMatch(/nothing/)
    expect(failures[1].message).toMatch(/70000|65535/)
  })

  it('computes on numbers near one everywhere, however large the buffers', async () => {
    const { device: watched } = (await testDevice())!
    const original = watched.createBuffer.bind(watched)
    const made: GPUBuffer[] = []
    Object.defineProperty(watched, 'createBuffer', {
      configurable: true,
      value: (descriptor: GPUBufferDescriptor) => {
        if ((descriptor.usage & GPUBufferUsage.STORAGE) === 0) return original(descriptor)
        const buffer = original({ ...descriptor, usage: descriptor.usage | GPUBufferUsage.COPY_SRC })
        made.push(buffer)
        return buffer
      },
    })
    const bytes = 3 * 2 ** 20 - 20
    const staging = original({ size: 2 ** 22, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
    const timing = timeDispatches(
      [
        {
          ...loop(1),
          storages: new Map([
            [7, bytes],
            [3, 4096],
          ]),
        },
      ],
      watched,
    )
    const encoder = watched.createCommandEncoder()
    encoder.copyBufferToBuffer(made[0], 0, staging, 0, made[0].size)
    watched.queue.submit([encoder.finish()])
    await staging.mapAsync(GPUMapMode.READ)
    const values = new Float32Array(staging.getMappedRange(0, made[0].size))
    expect(values).toHaveLength(Math.ceil(bytes / 16) * 4)
    expect(values.every((value) => Math.abs(value) >= 0.5 && Math.abs(value) < 2)).toBe(true)
    expect((await timing).failures).toEqual([])
    watched.destroy()
  })

  it('drops everything and ends when the device is lost meanwhile', async () => {
    const { device: mortal } = (await testDevice())!
    const timing = timeDispatches([loop(20_000), loop(10_000), loop(5000)], mortal, { rounds: 1000 })
    setTimeout(() => mortal.destroy(), 50)
    const { seconds, failures } = await timing
    expect(seconds).toEqual([undefined, undefined, undefined])
    expect(failures.map(({ message }) => message)).toEqual(Array(3).fill(expect.stringContaining('lost')))
  })

  it('notices soon that timestamps stand still, and takes the wall clock', async () => {
    const { device: still } = (await testDevice())!
    const original = still.createCommandEncoder.bind(still)
    let submitted = 0
    Object.defineProperty(still, 'createCommandEncoder', {
      value: () => {
        const encoder = original()
        submitted++
        // Every timestamp is zero.
        Object.defineProperty(encoder, 'copyBufferToBuffer', {
          value: (_source: GPUBuffer, _from: number, destination: GPUBuffer) => {
            encoder.clearBuffer(destination)
          },
        })
        return encoder
      },
    })
    const { clock, seconds } = await timeDispatches([loop(40_000)], still, { rounds: 1 })
    expect(clock).toBe('wall')
    expect(seconds[0]).toBeGreaterThan(0)
    expect(submitted).toBeLessThan(10)
    still.destroy()
  })
})

it('a buffer that the device refuses drops all candidates and raises no error elsewhere', async () => {
  const { device, capabilities } = await requestDevice(await createDawn({ backend: 'null' }))
  let uncaptured = 0
  device.addEventListener('uncapturederror', () => uncaptured++)
  const candidate = { ...loop(10), storages: new Map([[7, capabilities.maximumBufferBytes + 16]]) }
  const { seconds, failures } = await timeDispatches([candidate], device, { rounds: 1 })
  expect(seconds).toEqual([undefined])
  expect(failures).toHaveLength(1)
  await device.queue.onSubmittedWorkDone()
  expect(uncaptured).toBe(0)
  device.destroy()
})
