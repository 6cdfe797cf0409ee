/**
 * The code generator of the wasm backend, from its source: ceilings are measured with the very micro-kernel that products
 * use, and with loops emitted as theirs are. The package exports none of it, because no user should need it.
 */
export { countedLoop } from '../../../packages/tensor/src/wasm/assembler/countedLoop.ts'
export { createModuleBuilder } from '../../../packages/tensor/src/wasm/assembler/moduleBuilder.ts'
export {
  microKernelBody,
  microKernelSignature,
} from '../../../packages/tensor/src/wasm/matrix/matrixMicroKernel.ts'
export type { MicroKernel } from '../../../packages/tensor/src/wasm/matrix/matrixMicroKernel.ts'
export {
  chooseMicroKernel,
  preferredMultiplyAdd,
} from '../../../packages/tensor/src/wasm/matrix/matrixProbe.ts'
