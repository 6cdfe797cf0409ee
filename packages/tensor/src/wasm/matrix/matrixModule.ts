/**
 * The WebAssembly module of the matrix product for one micro-kernel: generic in all sizes and strides, and
 * shared by every program of a backend. One generic module was chosen over code specialised to each shape
 * because V8 compiles a fresh module with its baseline compiler first: shared code becomes hot once.
 */
import type { ModuleBuilder } from '../assembler/moduleBuilder.ts'
import { createModuleBuilder } from '../assembler/moduleBuilder.ts'
import type { MicroKernel } from './matrixMicroKernel.ts'
import { microKernelBody, microKernelSignature } from './matrixMicroKernel.ts'
import { packingBody, packingSignature } from './matrixPacking.ts'
import { mergeBody, mergeSignature, panelsBody, panelsSignature } from './matrixPanels.ts'
import { columnSumsBody, matrixVectorSignature, rowDotsBody } from './matrixVector.ts'

/** The exported functions; the bodies' files say what the arguments are. */
export interface MatrixFunctions {
  readonly packLeft: (...values: number[]) => void
  readonly packRight: (...values: number[]) => void
  readonly panels: (...values: number[]) => void
  readonly merge: (...values: number[]) => void
  readonly rowDots: (...values: number[]) => void
  readonly columnSums: (...values: number[]) => void
  /** (address, bytes): zeros. */
  readonly clear: (address: number, bytes: number) => void
}

/** How a backend's memory is imported: the limits must match the memory's own. */
export interface MemoryImport {
  readonly memory: WebAssembly.Memory
  readonly maximumPages?: number
  readonly shared?: boolean
}

/** Declares the import `env.memory`. */
export function importMemory(module: ModuleBuilder, { maximumPages, shared = false }: MemoryImport): void {
  const maximum = maximumPages === undefined ? {} : { maximumPages }
  module.importMemory('env', 'memory', { minimumPages: 0, shared, ...maximum })
}

/** Compiles and instantiates the module over a memory. */
export function instantiateMatrixModule(kernel: MicroKernel, memory: MemoryImport): MatrixFunctions {
  const module = createModuleBuilder()
  importMemory(module, memory)
  const microKernel = module.addFunction(microKernelSignature, microKernelBody(kernel))
  const merge = module.addFunction(mergeSignature, mergeBody, 'merge')
  module.addFunction(panelsSignature, panelsBody(kernel, microKernel, merge), 'panels')
  module.addFunction(packingSignature, packingBody(kernel.rows), 'packLeft')
  module.addFunction(packingSignature, packingBody(4 * kernel.vectors), 'packRight')
  module.addFunction(matrixVectorSignature, rowDotsBody, 'rowDots')
  module.addFunction(matrixVectorSignature, columnSumsBody, 'columnSums')
  module.addFunction(
    { parameters: ['i32', 'i32'], results: [] },
    (f, [address, bytes]) => f.localGet(address).i32Const(0).localGet(bytes).memoryFill(),
    'clear',
  )
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), {
    env: { memory: memory.memory },
  })
  return instance.exports as unknown as MatrixFunctions
}
