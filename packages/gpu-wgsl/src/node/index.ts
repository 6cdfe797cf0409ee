/**
 * @hessian-free/gpu-wgsl/node: WebGPU in Node through Dawn.
 */
export { createDawn } from './dawn.ts'
export type { DawnOptions } from './dawn.ts'
export { useSwiftShader } from './swiftShader.ts'
export { surveyAdapters } from './adapters.ts'
export type { AdapterDescription, AdapterSurvey, SurveyOptions } from './adapters.ts'
export { diagnose, diagnoseThisMachine } from './diagnosis.ts'
export type { DiagnosisInput } from './diagnosis.ts'
export { formatFindings } from './finding.ts'
export type { Finding, FindingKind } from './finding.ts'
export { thisMachine } from './machine.ts'
export type { Machine } from './machine.ts'
export { createHardwareGpuBackend, createNodeGpuBackend } from './nodeGpuBackend.ts'
export type { NodeGpuBackendOptions } from './nodeGpuBackend.ts'
export { defaultTuningCachePath, fileTuningCache } from './fileTuningCache.ts'
export type { FileTuningCacheOptions } from './fileTuningCache.ts'
