/**
 * @hessian-free/gpu-wgsl/node: WebGPU in Node through Dawn.
 */
export { createDawn } from './dawn.ts'
export type { DawnOptions } from './dawn.ts'
export { useSwiftShader } from './swiftShader.ts'
