/** Fused kernels to WGSL: the generator of every kind. */
import type { Kernel } from '@hessian-free/tensor'
import { dotKernel } from '../matrix/dotKernel.ts'
import { gatherKernel } from './gatherKernel.ts'
import { mapKernel } from './mapKernel.ts'
import { randomBitsKernel } from './randomBitsKernel.ts'
import { reduceKernel } from './reduceKernel.ts'
import { scatterAddKernel } from './scatterAddKernel.ts'
import type { KernelContext, KernelGenerator, ShaderDispatch } from './shaderDispatch.ts'

export const kernelGenerators: {
  readonly [K in Kernel['kind']]: KernelGenerator<Extract<Kernel, { readonly kind: K }>>
} = {
  map: mapKernel,
  reduce: reduceKernel,
  dot: dotKernel,
  gather: gatherKernel,
  scatterAdd: scatterAddKernel,
  randomBits: randomBitsKernel,
}

/** The dispatches of a kernel, in order. @throws {DtypeError} for float64. */
export function generateKernel(kernel: Kernel, context: KernelContext): readonly ShaderDispatch[] {
  // The generator under a kernel's kind takes kernels of that kind, which types cannot say of a union.
  const generate = kernelGenerators[kernel.kind] as KernelGenerator<Kernel>
  return generate(kernel, context)
}
