import { BackendError } from '@hessian-free/tensor'
import { afterAll, describe, expect, it } from 'vitest'
import { createDawn } from '../node/dawn.ts'
import { BufferPool, sizeClass } from './bufferPool.ts'
import { GpuConnection } from './gpuConnection.ts'
import { requestDevice } from './requestDevice.ts'
import { ScratchPools } from './scratchPools.ts'

// Dawn's null backend keeps the books without computing: it runs everywhere.
const connection = new GpuConnection(await requestDevice(await createDawn({ backend: 'null' })))
afterAll(() => connection.dispose())

const megabyte = 2 ** 20

describe('sizeClass', () => {
  it('wastes at most an eighth, never gives less, and gives multiples of 16', () => {
    for (let bytes = 257; bytes < 2 ** 28; bytes = Math.ceil(bytes * 1.37)) {
      const size = sizeClass(bytes)
      expect(size).toBeGreaterThanOrEqual(bytes)
      expect(size).toBeLessThanOrEqual(bytes * 1.125)
      expect(size % 16).toBe(0)
      expect(sizeClass(size)).toBe(size)
    }
    expect(sizeClass(0)).toBe(256)
  })
})

describe('BufferPool', () => {
  it('gives a released buffer to the next that needs its class, newest first', () => {
    const pool = new BufferPool(connection)
    const [a, b] = [pool.allocate('test', 1000), pool.allocate('test', 1000)]
    pool.release(a)
    pool.release(b)
    expect(pool.allocate('test', 990).id).toBe(b.id)
    expect(pool.allocate('test', 5000).id).not.toBe(a.id)
    expect(pool.allocate('test', 1000).id).toBe(a.id)
  })

  it('holds the same bytes however often the same sizes come and go', () => {
    const pool = new BufferPool(connection)
    const cycle = (): void => {
      const made = [1000, 20_000, 300_000].map((bytes) => pool.allocate('test', bytes))
      for (const allocation of made) pool.release(allocation)
    }
    cycle()
    const held = pool.reservedBytes
    for (let i = 0; i < 100; i++) cycle()
    expect(pool.reservedBytes).toBe(held)
  })

  it('destroys what has lain unused longest when sizes keep changing', () => {
    const pool = new BufferPool(connection)
    for (let i = 0; i < 200; i++) pool.release(pool.allocate('test', (1 + i) * megabyte * 0.5))
    expect(pool.reservedBytes).toBeLessThan(180 * megabyte)
    pool.trim()
    expect(pool.reservedBytes).toBe(0)
  })

  it('refuses what no binding of the device can hold', () => {
    const pool = new BufferPool(connection)
    const limit = connection.capabilities.maximumBindingBytes
    expect(() => pool.allocate('run big', limit + 1)).toThrow(BackendError)
    expect(() => pool.allocate('run big', limit + 1)).toThrow(/run big.*binding.*chunks/s)
    expect(pool.reservedBytes).toBe(0)
  })
})

describe('BufferPool on other devices', () => {
  it('counts a binding limit that is no multiple of 16 as the multiple below, as bindings are rounded up', () => {
    const { device, capabilities } = connection
    const odd = { ...capabilities, maximumBindingBytes: 2 ** 20 - 4 }
    const pool = new BufferPool(new GpuConnection({ device, capabilities: odd }))
    expect(() => pool.allocate('run', 2 ** 20 - 4)).toThrow(/at most 1048560 bytes/)
    expect(pool.allocate('run', 2 ** 20 - 16).bytes).toBeGreaterThanOrEqual(2 ** 20 - 16)
  })

  it('gives unused memory back when the device has none left, and never hands out the buffer that failed', async () => {
    const requested = await requestDevice(await createDawn({ backend: 'null' }))
    const limited = new GpuConnection(requested)
    const pool = new BufferPool(limited)
    const scratch = new ScratchPools(pool)
    pool.release(pool.allocate('test', 40 * megabyte))
    // The null backend owns 512 MiB.
    const chosen = scratch.acquire(
      'big',
      [1, 2, 3, 4, 5].map(() => 120 * megabyte),
    )
    await limited.wait('test', requested.device.queue.onSubmittedWorkDone())
    const failed = chosen.filter((allocation) => !pool.isSound(allocation))
    expect(failed.length).toBeGreaterThan(0)
    expect(failed.length).toBeLessThan(5)
    expect(pool.reservedBytes).toBe(5 * sizeClass(120 * megabyte))
    const small = scratch.acquire('small', [1000, 1000, 1000, 1000, 1000])
    expect(small.filter((allocation) => failed.includes(allocation))).toEqual([])
    expect(small.filter((allocation) => chosen.includes(allocation))).toHaveLength(5 - failed.length)
    limited.dispose()
  })
})

describe('ScratchPools', () => {
  it('serve executables one after the other with the same memory, and free it with the last', () => {
    const pool = new BufferPool(connection)
    const scratch = new ScratchPools(pool)
    const first = scratch.acquire('a', [1000, 50_000])
    const second = scratch.acquire('b', [40_000, 500])
    expect(new Set([...first, ...second]).size).toBe(2)
    expect(second[0]).toBe(first[1])
    scratch.release(first)
    expect(scratch.bytes).toBe(first[0].bytes + first[1].bytes)
    scratch.release(second)
    expect(scratch.bytes).toBe(0)
  })

  it('never give one buffer twice to one executable', () => {
    const scratch = new ScratchPools(new BufferPool(connection))
    const [big] = scratch.acquire('a', [50_000])
    const chosen = scratch.acquire('b', [1000, 1000, 1000])
    expect(new Set(chosen).size).toBe(3)
    expect(chosen).toContain(big)
  })
})
