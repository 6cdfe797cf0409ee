/**
 * @hessian-free/tensor: tensors, traced programs, passes and the CPU backends. Runs in Node and browsers; what
 * needs files is in `@hessian-free/tensor/node`.
 */
export * from './errors.ts'
export { bytesPerElement, dtypeOf, dtypes, isFloat, isInteger, typedArray, typedArrayFrom } from './dtype.ts'
export type { Dtype, TypedArray, TypedArrayOf } from './dtype.ts'
export {
  broadcastShapes,
  formatShape,
  inversePermutation,
  keepingAxes,
  normalizeAxes,
  normalizeAxis,
  sameShape,
  sizeOf,
  stridesOf,
  withoutAxes,
} from './shape.ts'
export type { Shape } from './shape.ts'
export { hostArray } from './hostArray.ts'
export type { HostArray } from './hostArray.ts'

export { Tensor } from './tensor.ts'
export type { TensorLike } from './tensor.ts'
export { readTensors } from './readTensors.ts'
export { disposeTree, flattenTree, mapTree, tensorsIn, unflattenTree } from './tree.ts'
export type { TreeStructure } from './tree.ts'
export { scope } from './scope.ts'
export { warnOfLeaks } from './leakDetection.ts'
export { jit, traceFunction } from './jit.ts'
export type { CompiledFunction, JitOptions, TracedFunction } from './jit.ts'
export { currentTrace, traceClosed, traceProgram } from './trace.ts'
export type { Trace, TracedProgram } from './trace.ts'
export {
  applyPrimitive,
  applyProgram,
  backendOf,
  executableOf,
  operation,
  runExecutable,
} from './execution.ts'

export * from './operations/arithmetic.ts'
export * from './operations/elementary.ts'
export * from './operations/movement.ts'
export { argMax, logSoftmax, logSumExp, max, mean, softmax, sum } from './operations/reduction.ts'
export type { ReductionOptions } from './operations/reduction.ts'
export { dot, dotGeneral, outer } from './operations/dot.ts'
export { full, iota, ones, onesLike, scalarLike, tensor, zeros, zerosLike } from './operations/creation.ts'
export type { CreationOptions, NestedNumbers } from './operations/creation.ts'

export { elementwisePrimitives, isElementwise, noParameters } from './program/primitive.ts'
export type {
  CallParameters,
  DerivativeRule,
  DotAxes,
  ElementwisePrimitive,
  NoParameters,
  PrimitiveName,
  PrimitiveParameters,
  TransposeRule,
} from './program/primitive.ts'
export { formatType, sameType, typesOf } from './program/program.ts'
export type { Equation, EquationOf, Program, TensorType, Value } from './program/program.ts'
export { ProgramBuilder } from './program/programBuilder.ts'
export { printProgram } from './program/programPrinter.ts'
export { checkProgram } from './program/programChecker.ts'
export { resultTypes } from './program/shapeRules.ts'
export { dotShape, freeAxes } from './program/dotShape.ts'

export type {
  Backend,
  CompileOptions,
  DeviceBuffer,
  Executable,
  ExecutableSummary,
  MemoryStatistics,
} from './backend.ts'
export type * from './kernel/kernel.ts'
export { defaultBackend, setDefaultBackend, withDefaultBackend } from './defaultBackend.ts'
export { createReferenceBackend } from './reference/referenceBackend.ts'
export type { ReferenceOptions } from './reference/referenceBackend.ts'
export { createWasmBackend, isWasmSupported } from './wasm/wasmBackend.ts'
export type { WasmBackend, WasmOptions } from './wasm/wasmBackend.ts'
export { mostThreads } from './wasm/threads/chooseThreads.ts'
export type { ThreadUse } from './wasm/threads/chooseThreads.ts'
export { physicalCores } from './wasm/threads/physicalCores.ts'
export { optimise } from './passes/optimise.ts'
export { inlineCalls } from './passes/inlineCalls.ts'
export { simplify } from './passes/simplify.ts'
export { eliminateCommonSubexpressions } from './passes/eliminateCommonSubexpressions.ts'
export { eliminateDeadCode } from './passes/eliminateDeadCode.ts'
export { lower } from './kernel/lower.ts'
export type { LowerOptions } from './kernel/lower.ts'
export { planMemory } from './kernel/memoryPlan.ts'
export { summarize } from './kernel/kernelCost.ts'
export { printKernel, printKernelProgram } from './kernel/kernelPrinter.ts'
export { checkKernelProgram } from './kernel/checkKernelProgram.ts'
export { checkMemoryPlan } from './kernel/checkMemoryPlan.ts'
export { domainOfStores, readsOfKernel, storedOperand, writesOfKernel } from './kernel/kernelAccess.ts'
export type { Access } from './kernel/kernelAccess.ts'
export { denseView, isDense, sameView, viewBounds } from './kernel/view.ts'
export { requireInputs } from './executableInputs.ts'
export { foldIn, randomBits, randomKey, splitKey } from './random/threefry.ts'
export type { RandomKey } from './random/threefry.ts'
export { normal, randomUniforms, uniform } from './random/uniform.ts'
export { randomPermutation, sampleWithoutReplacement } from './random/permutation.ts'
export { uniformIntegers } from './random/uniformInteger.ts'
export type { UniformIntegers } from './random/uniformInteger.ts'

export { formatNpy, parseNpy } from './formats/npy.ts'
export { formatNpz, parseNpz } from './formats/npz.ts'
export type { ParseNpzOptions } from './formats/npz.ts'
export { formatSafetensors, parseSafetensors } from './formats/safetensors.ts'
export type { Safetensors } from './formats/safetensors.ts'
export { formatIdx, parseIdx } from './formats/idx.ts'
export type { IdxType } from './formats/idx.ts'
