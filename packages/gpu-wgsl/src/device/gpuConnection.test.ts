import { describe, expect, it } from 'vitest'
import { BackendError, DeviceLostError } from '@hessian-free/tensor'
import { createDawn } from '../node/dawn.ts'
import { GpuConnection } from './gpuConnection.ts'
import { requestDevice } from './requestDevice.ts'

// Dawn's null backend keeps the books without computing: it runs everywhere.
const nullDevice = async () => requestDevice(await createDawn({ backend: 'null' }))

describe('GpuConnection', () => {
  it('leaves one reaction on the promise of a loss, however often it waits', async () => {
    const requested = await nullDevice()
    const { device } = requested
    const { lost } = device
    let reactions = 0
    void Object.defineProperty(lost, 'then', {
      value: (...handlers: Parameters<typeof lost.then>) => {
        reactions++
        return Promise.prototype.then.apply(lost, handlers)
      },
    })
    expect(device.lost).toBe(lost)
    const connection = new GpuConnection(requested)
    for (let i = 0; i < 20; i++) await connection.wait('test', device.queue.onSubmittedWorkDone())
    expect(reactions).toBe(1)
    connection.dispose()
  })

  it('ends a wait for what never comes when the device is lost', async () => {
    const connection = new GpuConnection(await nullDevice())
    const waiting = connection.wait('test', new Promise(() => undefined))
    connection.device.destroy()
    await expect(waiting).rejects.toThrow(DeviceLostError)
    await expect(connection.wait('test', new Promise(() => undefined))).rejects.toThrow(DeviceLostError)
  })

  it('closes the error scope of work that throws, so that later errors find their own', async () => {
    const connection = new GpuConnection(await nullDevice())
    const { device } = connection
    const thrown = new Error('thrown')
    expect(() =>
      connection.attempt('validation', () => {
        throw thrown
      }),
    ).toThrow(thrown)
    await expect(device.popErrorScope()).rejects.toThrow()
    connection.dispose()
  })

  it('passes on a typed reason as it is', async () => {
    const connection = new GpuConnection(await nullDevice())
    const reason = new BackendError({ operation: 'test', rule: 'this one' })
    await expect(connection.wait('test', Promise.reject(reason))).rejects.toBe(reason)
    connection.dispose()
  })
})
