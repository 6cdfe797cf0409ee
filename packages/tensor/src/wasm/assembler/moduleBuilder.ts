/**
 * Builder of a WebAssembly module: types, imports, functions, exports and code, written as bytes.
 *
 * Imports come before functions, because an index is given out when a thing is declared and imported
 * functions take the first indices.
 *
 * Source: WebAssembly Core Specification 2.0, §5.5 "Modules".
 */
import { ArgumentError } from '../../errors.ts'
import { nameBytes, sectionBytes, unsignedLeb, vectorBytes } from './encoding.ts'
import type { FunctionBuilder, FunctionIndex, Local, TypeIndex, ValueType } from './functionBuilder.ts'
import { createFunctionBuilder, valueTypeCodes } from './functionBuilder.ts'

export interface Signature {
  readonly parameters: readonly ValueType[]
  readonly results: readonly ValueType[]
}

export interface MemoryLimits {
  /** Pages of 64 KiB that the memory has at least. */
  readonly minimumPages: number
  /** Needed for shared memory. */
  readonly maximumPages?: number
  readonly shared?: boolean
}

/** Emits the body; the locals are the parameters, in order. */
export type FunctionBody = (f: FunctionBuilder, parameters: readonly Local[]) => void

export interface ModuleBuilder {
  /** The index of a signature, equal ones sharing one. */
  type(signature: Signature): TypeIndex
  /** The one memory of the module, index 0. */
  importMemory(module: string, name: string, limits: MemoryLimits): void
  /** The one table of functions, index 0. */
  importTable(module: string, name: string, minimum: number): void
  importFunction(module: string, name: string, signature: Signature): FunctionIndex
  /** Adds a function; with an export name it can be called from outside. */
  addFunction(signature: Signature, body: FunctionBody, exportName?: string): FunctionIndex
  exportFunction(name: string, index: FunctionIndex): void
  build(): Uint8Array<ArrayBuffer>
}

const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

/** An empty module. */
export function createModuleBuilder(): ModuleBuilder {
  const types: string[] = []
  const typeBytes: number[][] = []
  const imports: number[][] = []
  let importedFunctions = 0
  const functionTypes: number[][] = []
  const bodies: number[][] = []
  const exports: number[][] = []

  function type(signature: Signature): TypeIndex {
    const key = `${signature.parameters.join(' ')} -> ${signature.results.join(' ')}`
    const known = types.indexOf(key)
    if (known >= 0) return known as TypeIndex
    types.push(key)
    const codes = (list: readonly ValueType[]) => vectorBytes(list.map((each) => [valueTypeCodes[each]]))
    typeBytes.push([0x60, ...codes(signature.parameters), ...codes(signature.results)])
    return (types.length - 1) as TypeIndex
  }

  function exportFunction(name: string, index: FunctionIndex): void {
    exports.push([...nameBytes(name), 0x00, ...unsignedLeb(index)])
  }

  return {
    type,
    exportFunction,
    importMemory(module, name, { minimumPages, maximumPages, shared = false }) {
      const limits =
        maximumPages === undefined
          ? [0x00, ...unsignedLeb(minimumPages)]
          : [shared ? 0x03 : 0x01, ...unsignedLeb(minimumPages), ...unsignedLeb(maximumPages)]
      imports.push([...nameBytes(module), ...nameBytes(name), 0x02, ...limits])
    },
    importTable(module, name, minimum) {
      imports.push([...nameBytes(module), ...nameBytes(name), 0x01, 0x70, 0x00, ...unsignedLeb(minimum)])
    },
    importFunction(module, name, signature) {
      if (bodies.length > 0) {
        throw new ArgumentError({
          operation: 'importFunction',
          rule: 'functions must be imported before the first one is added, because imports take the first indices',
          found: `import of ${module}.${name} after ${bodies.length} functions`,
        })
      }
      imports.push([...nameBytes(module), ...nameBytes(name), 0x00, ...unsignedLeb(type(signature))])
      return importedFunctions++ as FunctionIndex
    },
    addFunction(signature, body, exportName) {
      const f = createFunctionBuilder(signature.parameters.length)
      body(
        f,
        signature.parameters.map((_, i) => i as Local),
      )
      const code = f.finish()
      functionTypes.push(unsignedLeb(type(signature)))
      bodies.push([...unsignedLeb(code.length), ...code])
      const index = (importedFunctions + bodies.length - 1) as FunctionIndex
      if (exportName !== undefined) exportFunction(exportName, index)
      return index
    },
    build() {
      const sections = [
        sectionBytes(1, vectorBytes(typeBytes)),
        sectionBytes(2, vectorBytes(imports)),
        sectionBytes(3, vectorBytes(functionTypes)),
        sectionBytes(7, vectorBytes(exports)),
        sectionBytes(10, vectorBytes(bodies)),
      ]
      return Uint8Array.from([header, ...sections].flat())
    },
  }
}
