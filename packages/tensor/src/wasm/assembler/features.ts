/**
 * What the engine at hand understands, found by validating a tiny module that uses the feature.
 */
import { createModuleBuilder } from './moduleBuilder.ts'

function validates(emit: (module: ReturnType<typeof createModuleBuilder>) => void): boolean {
  const module = createModuleBuilder()
  emit(module)
  return WebAssembly.validate(module.build())
}

/** Fixed-width SIMD: without it there is no `wasm` backend. */
export const supportsSimd = (): boolean =>
  validates((module) => {
    module.addFunction({ parameters: [], results: ['v128'] }, (f) => f.f32x4Const(1).f32x4Neg())
  })

/** Relaxed SIMD: `f32x4.relaxed_madd` and its family. */
export const supportsRelaxedSimd = (): boolean =>
  validates((module) => {
    module.addFunction({ parameters: ['v128'], results: ['v128'] }, (f, [x]) =>
      f.localGet(x).localGet(x).localGet(x).f32x4RelaxedMadd(),
    )
  })
