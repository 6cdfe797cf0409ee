/**
 * WGSL of a `DotKernel`: one dispatch, or two where the depth is split: partial sums of every part into a workspace
 * [part, batch, row, column], then their sum in order of the parts with accumulator, epilogue and stores.
 */
import type { DotKernel } from '@hessian-free/tensor'
import { denseView } from '@hessian-free/tensor'
import { wordType } from '../wgsl/kernelBindings.ts'
import type { KernelContext, KernelGenerator, ShaderDispatch } from '../wgsl/shaderDispatch.ts'
import { chooseVariant } from './chooseVariant.ts'
import { directBody } from './directProduct.ts'
import type { MatrixVariant } from './matrixVariant.ts'
import { partialSumsDispatch } from './partialSums.ts'
import type { ProductBody, ProductFrame } from './productFrame.ts'
import { productDispatch, splitDepth } from './productFrame.ts'
import type { ProductSink } from './productSink.ts'
import { quadBody } from './quadProduct.ts'
import { tiledBody } from './tiledProduct.ts'
import { vectorBody } from './vectorProduct.ts'

const bodyOf =
  (variant: MatrixVariant) =>
  (frame: ProductFrame): ProductBody => {
    switch (variant.kind) {
      case 'tiled':
        return tiledBody(variant, frame)
      case 'direct':
        return directBody(variant, frame)
      case 'quad':
        return quadBody(variant, frame)
      case 'vector':
        return vectorBody(variant, frame)
    }
  }

/** Steps of the depth that a variant takes at once: parts are a multiple of it. */
const depthStep = (variant: MatrixVariant): number => {
  switch (variant.kind) {
    case 'tiled':
      return variant.tileDepth
    case 'direct':
    case 'quad':
      return variant.unroll
    case 'vector':
      return 4 * variant.threads
  }
}

/**
 * The product by a given variant; any variant computes any product.
 * @throws {DtypeError} for float64.
 */
export const dotKernelWith =
  (variant: MatrixVariant): KernelGenerator<DotKernel> =>
  (kernel, context) => {
    wordType(kernel.dtype)
    const cut = splitDepth(kernel.depth, variant.splits, depthStep(variant))
    if (cut.parts === 1) return [productDispatch(kernel, variant, cut, kernel, context, bodyOf(variant))]
    const { batch, rows, columns, dtype } = kernel
    const partial = [cut.parts * batch, rows, columns]
    const workspace = context.workspace(dtype, cut.parts * batch * rows * columns)
    const sink: ProductSink = {
      batch: cut.parts * batch,
      rows,
      columns,
      dtype,
      epilogue: [{ kind: 'result', dtype }],
      stores: [{ node: 0, buffer: workspace, view: denseView(partial) }],
    }
    return [
      productDispatch(kernel, variant, cut, sink, context, bodyOf(variant)),
      partialSumsDispatch(kernel, workspace, cut.parts, context),
    ]
  }

/** The product by the variant that the heuristics choose for the device. */
export const dotKernel: KernelGenerator<DotKernel> = (
  kernel: DotKernel,
  context: KernelContext,
): readonly ShaderDispatch[] => dotKernelWith(chooseVariant(kernel, context.device))(kernel, context)
