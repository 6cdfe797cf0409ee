/**
 * The storage bindings of one shader and the WGSL that reads and writes them. One binding per storage, because a
 * dispatch may not bind one buffer twice when it writes it; where two buffers of different dtypes share a storage (the
 * memory plan lets a result take the place of a dying operand) elements are words and are cast.
 *
 * A boolean is a word in memory and a `bool` in expressions. A binding may hold vectors of four words; single elements
 * of it are then read as components, and written only as vectors.
 */
import type { BufferIndex, Dtype } from '@hessian-free/tensor'
import { DtypeError } from '@hessian-free/tensor'
import type { KernelContext, ShaderBinding } from './shaderDispatch.ts'

/** The WGSL type of an element in memory. */
export type WordType = 'f32' | 'i32' | 'u32'
/** Elements that one expression computes at once. */
export type Lanes = 1 | 4

/** The error for a dtype that WGSL does not have. */
export const unsupportedDtype = (operation: string, dtype: Dtype): DtypeError =>
  new DtypeError({
    operation,
    rule: 'the gpu backend computes in float32, int32, uint32 and bool',
    found: dtype,
    remedy: 'Convert to float32, or use the reference backend for float64',
  })

/** @throws {DtypeError} for float64, which WGSL does not have. */
export function wordType(dtype: Dtype): WordType {
  switch (dtype) {
    case 'float32':
      return 'f32'
    case 'int32':
      return 'i32'
    case 'uint32':
    case 'bool':
      return 'u32'
    case 'float64':
      throw unsupportedDtype('WGSL', dtype)
  }
}

/** The WGSL type of a value in expressions: `f32`, `vec4<bool>`, … */
export const valueType = (dtype: Dtype, lanes: Lanes): string =>
  vectorOf(dtype === 'bool' ? 'bool' : wordType(dtype), lanes)

const vectorOf = (scalar: string, lanes: Lanes): string => (lanes === 1 ? scalar : `vec4<${scalar}>`)

export interface KernelBindings {
  readonly bindings: readonly ShaderBinding[]
  /** `@group(0) @binding(…) var<storage, …> …;` lines. */
  readonly declarations: string
  /** Element number `index` (a WGSL expression of type u32). */
  load(buffer: BufferIndex, index: string): string
  /** Elements 4·quarter … 4·quarter + 3 as a vector; only for buffers in vector bindings. */
  loadVector(buffer: BufferIndex, quarter: string): string
  /** A statement. */
  store(buffer: BufferIndex, index: string, value: string): string
  storeVector(buffer: BufferIndex, quarter: string, value: string): string
}

export interface BoundBuffers {
  readonly reads: readonly BufferIndex[]
  readonly writes: readonly BufferIndex[]
  /** Buffers whose bindings hold vectors of four; with one, every buffer in the same storage. Default none. */
  readonly vectors?: ReadonlySet<BufferIndex>
}

/** Numbers the bindings of a shader, reads before writes, each storage once. */
export function bindBuffers(
  context: KernelContext,
  { reads, writes, vectors = new Set() }: BoundBuffers,
): KernelBindings {
  const written = new Set(writes.map((buffer) => context.storageOf(buffer)))
  const buffersIn = new Map<number, BufferIndex[]>()
  for (const buffer of [...reads, ...writes]) {
    const storage = context.storageOf(buffer)
    const list = buffersIn.get(storage)
    if (list === undefined) buffersIn.set(storage, [buffer])
    else if (!list.includes(buffer)) list.push(buffer)
  }
  const storages = [...buffersIn.keys()]
  const declared = storages.map((storage) => {
    const buffers = buffersIn.get(storage) ?? []
    const types = new Set(buffers.map((buffer) => wordType(context.specification(buffer).dtype)))
    const [type] = types
    return {
      type: types.size === 1 ? type : ('u32' as const),
      lanes: buffers.some((buffer) => vectors.has(buffer)) ? (4 as const) : (1 as const),
      access: written.has(storage) ? ('read_write' as const) : ('read' as const),
    }
  })
  const positionOf = (buffer: BufferIndex): number => storages.indexOf(context.storageOf(buffer))
  const dtypeOf = (buffer: BufferIndex): Dtype => context.specification(buffer).dtype

  const fromMemory = (buffer: BufferIndex, element: string, lanes: Lanes): string => {
    const { type } = declared[positionOf(buffer)]
    const dtype = dtypeOf(buffer)
    const wanted = wordType(dtype)
    const word = type === wanted ? element : `bitcast<${vectorOf(wanted, lanes)}>(${element})`
    return dtype === 'bool' ? `(${word} != ${vectorOf('u32', lanes)}(0u))` : word
  }
  const toMemory = (buffer: BufferIndex, value: string, lanes: Lanes): string => {
    const { type } = declared[positionOf(buffer)]
    const dtype = dtypeOf(buffer)
    const u32 = vectorOf('u32', lanes)
    const word = dtype === 'bool' ? `select(${u32}(0u), ${u32}(1u), ${value})` : value
    return type === wordType(dtype) ? word : `bitcast<${vectorOf(type, lanes)}>(${word})`
  }
  const name = (buffer: BufferIndex): string => `b${positionOf(buffer)}`

  return {
    bindings: storages.map((storage, i) => ({ storage, access: declared[i].access })),
    declarations: declared
      .map(
        ({ type, lanes, access }, i) =>
          `@group(0) @binding(${i}) var<storage, ${access}> b${i}: array<${vectorOf(type, lanes)}>;\n`,
      )
      .join(''),
    load: (buffer, index) => {
      const vector = declared[positionOf(buffer)].lanes === 4
      const element = vector
        ? `${name(buffer)}[(${index}) / 4u][(${index}) % 4u]`
        : `${name(buffer)}[${index}]`
      return fromMemory(buffer, element, 1)
    },
    loadVector: (buffer, quarter) => fromMemory(buffer, `${name(buffer)}[${quarter}]`, 4),
    store: (buffer, index, value) => `${name(buffer)}[${index}] = ${toMemory(buffer, value, 1)};`,
    storeVector: (buffer, quarter, value) => `${name(buffer)}[${quarter}] = ${toMemory(buffer, value, 4)};`,
  }
}
