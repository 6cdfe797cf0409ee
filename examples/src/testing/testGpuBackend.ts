/**
 * The gpu backend for tests of everything above it: on SwiftShader, or with `HESSIAN_FREE_VULKAN=system` on whatever Vulkan
 * driver the machine has; with Dawn's own validation on. Undefined where this machine offers none, so that tests can say
 * that they are skipped.
 */
import { createGpuBackend } from '@hessian-free/gpu-wgsl'
import type { GpuBackend } from '@hessian-free/gpu-wgsl'
import { createDawn, useSwiftShader } from '@hessian-free/gpu-wgsl/node'

/** A backend on a device of its own. */
export async function testGpuBackend(): Promise<GpuBackend | undefined> {
  if (process.env['HESSIAN_FREE_VULKAN'] !== 'system' && !useSwiftShader(import.meta.url)) return undefined
  const gpu = await createDawn({ backend: 'vulkan' })
  return (await gpu.requestAdapter()) === null ? undefined : createGpuBackend({ gpu })
}
