/**
 * @hessian-free/gpu-wgsl: the WebGPU backend. Runs in browsers as it is; what needs Node (Dawn, a cache on disk) is in
 * `@hessian-free/gpu-wgsl/node`.
 */
export { createGpuBackend, gpuBackendOn } from './gpuBackend.ts'
export type { GpuBackend, GpuBackendOptions, TuningChoice } from './gpuBackend.ts'
export { indexedDbTuningCache } from './tuning/indexedDbTuningCache.ts'
export type { IndexedDbTuningCacheOptions } from './tuning/indexedDbTuningCache.ts'
export { memoryTuningCache } from './tuning/tuningCache.ts'
export type { TuningCache } from './tuning/tuningCache.ts'
export { adapterName, isSoftwareAdapter, requestDevice } from './device/requestDevice.ts'
export type { DeviceRequest, RequestedDevice } from './device/requestDevice.ts'
export type { DeviceCapabilities, SubgroupMatrixShape } from './device/deviceCapabilities.ts'
export type { ShaderBinding, ShaderDispatch } from './wgsl/shaderDispatch.ts'
export { splitHalvesProduct } from './matrix/splitHalvesProduct.ts'
export type { SplitHalvesOptions } from './matrix/splitHalvesProduct.ts'
export { subgroupMatrixProduct } from './matrix/subgroupMatrixProduct.ts'
export type { RowMajorProduct, SubgroupMatrixOptions } from './matrix/subgroupMatrixProduct.ts'
export { float16MatrixUnit, subgroupMatrixTilings } from './matrix/subgroupMatrixTiling.ts'
export type { SubgroupMatrixTiling, SubgroupMatrixUnit } from './matrix/subgroupMatrixTiling.ts'
