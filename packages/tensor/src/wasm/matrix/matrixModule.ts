/**
 * The WebAssembly module of the matrix product for one micro-kernel: generic in all sizes and strides, and
 * shared by every program of a backend, which import its functions. One generic module was chosen over code specialised
 * to each shape because V8 compiles a fresh module with its baseline compiler first: shared code becomes hot once.
 */
import type { FunctionIndex } from '../assembler/functionBuilder.ts'
import type { ModuleBuilder, Signature } from '../assembler/moduleBuilder.ts'
import { createModuleBuilder } from '../assembler/moduleBuilder.ts'
import type { MicroKernel } from './matrixMicroKernel.ts'
import { microKernelBody, microKernelSignature } from './matrixMicroKernel.ts'
import { packingBody, packingSignature } from './matrixPacking.ts'
import { mergeBody, mergeSignature, panelsBody, panelsSignature } from './matrixPanels.ts'
import { columnSumsBody, matrixVectorSignature, rowDotsBody } from './matrixVector.ts'

/** The functions that programs import; the bodies' files say what the arguments are. */
const signatures = {
  packLeft: packingSignature,
  packRight: packingSignature,
  panels: panelsSignature,
  merge: mergeSignature,
  rowDots: matrixVectorSignature,
  columnSums: matrixVectorSignature,
} as const satisfies Record<string, Signature>

export type MatrixFunctionName = keyof typeof signatures

/** The functions as a program's module knows them, and their micro-kernel. */
export interface MatrixImports extends Readonly<Record<MatrixFunctionName, FunctionIndex>> {
  /** Rows of a left panel. */
  readonly leftWidth: number
  /** Columns of a right panel. */
  readonly rightWidth: number
  readonly microKernel: MicroKernel
}

/** The exported functions, to be called from JavaScript. */
export type MatrixFunctions = Readonly<Record<MatrixFunctionName, (...values: number[]) => void>>

/** How a backend's memory is imported: the limits must match the memory's own. */
export interface MemoryImport {
  readonly memory: WebAssembly.Memory
  readonly maximumPages?: number
  readonly shared?: boolean
}

/** Declares the import `env.memory`. */
export function importMemory(
  module: ModuleBuilder,
  { maximumPages, shared = false }: Omit<MemoryImport, 'memory'>,
): void {
  const maximum = maximumPages === undefined ? {} : { maximumPages }
  module.importMemory('env', 'memory', { minimumPages: 0, shared, ...maximum })
}

/** Compiles the module for memories like this one. */
export function compileMatrixModule(
  kernel: MicroKernel,
  memory: Omit<MemoryImport, 'memory'>,
): WebAssembly.Module {
  const module = createModuleBuilder()
  importMemory(module, memory)
  const microKernel = module.addFunction(microKernelSignature, microKernelBody(kernel))
  const merge = module.addFunction(mergeSignature, mergeBody, 'merge')
  module.addFunction(panelsSignature, panelsBody(kernel, microKernel, merge), 'panels')
  module.addFunction(packingSignature, packingBody(kernel.rows), 'packLeft')
  module.addFunction(packingSignature, packingBody(4 * kernel.vectors), 'packRight')
  module.addFunction(matrixVectorSignature, rowDotsBody(kernel.multiplyAdd), 'rowDots')
  module.addFunction(matrixVectorSignature, columnSumsBody(kernel.multiplyAdd), 'columnSums')
  return new WebAssembly.Module(module.build())
}

/** Declares the imports `matrix.…` of a program's module. */
export function importMatrixFunctions(module: ModuleBuilder, microKernel: MicroKernel): MatrixImports {
  const names = Object.keys(signatures) as MatrixFunctionName[]
  const functions = names.map((name) => [name, module.importFunction('matrix', name, signatures[name])])
  return {
    ...(Object.fromEntries(functions) as Record<MatrixFunctionName, FunctionIndex>),
    leftWidth: microKernel.rows,
    rightWidth: 4 * microKernel.vectors,
    microKernel,
  }
}

/** An instance over a memory. */
export const instantiateMatrixModule = (
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): MatrixFunctions =>
  new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as MatrixFunctions
