/**
 * The device that tests of this package run on: SwiftShader, or with `HESSIAN_FREE_VULKAN=system` whatever Vulkan driver
 * the machine has. Made once per process.
 */
import type { RequestedDevice } from '../device/requestDevice.ts'
import { requestDevice } from '../device/requestDevice.ts'
import { createDawn } from './dawn.ts'
import { useSwiftShader } from './swiftShader.ts'

/** The entry point of WebGPU for tests, or undefined where this machine offers none. */
export async function testGpu(): Promise<GPU | undefined> {
  if (process.env['HESSIAN_FREE_VULKAN'] !== 'system' && !useSwiftShader(import.meta.url)) return undefined
  const gpu = await createDawn({ backend: 'vulkan' })
  return (await gpu.requestAdapter()) === null ? undefined : gpu
}

/** A new device for tests, or undefined where this machine offers none. */
export async function testDevice(): Promise<RequestedDevice | undefined> {
  const gpu = await testGpu()
  return gpu === undefined ? undefined : requestDevice(gpu)
}
