/**
 * Builder of one WebAssembly function body: a stack machine whose methods are the instructions' names.
 *
 * `f.localGet(x).localGet(y).f32x4Mul()` appends three instructions. The methods are generated from the
 * opcode tables, so a new instruction is a new row there. Control flow is structured: `block`, `loop` and
 * `ifElse` take the body as a callback and end it themselves, and branches name a label, not a depth.
 * Types are not tracked here; the engine's validator does that when the module is compiled.
 */
import { ArgumentError } from '../../errors.ts'
import { float32Bytes, float64Bytes, int32Bytes, signedLeb, unsignedLeb } from './encoding.ts'
import { memoryInstructions, memoryLaneInstructions } from './memoryInstructions.ts'
import { miscellaneousInstructions, scalarInstructions } from './scalarInstructions.ts'
import { laneInstructions, vectorInstructions } from './vectorInstructions.ts'

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128'

export const valueTypeCodes: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
}

declare const brand: unique symbol

/** Index of a parameter or local variable of the function being built. */
export type Local = number & { readonly [brand]: 'local' }

/** Target of a branch: the end of a `block` or `ifElse`, the start of a `loop`. */
export type Label = number & { readonly [brand]: 'label' }

/** Index of a function in its module. */
export type FunctionIndex = number & { readonly [brand]: 'function' }

/** Index of a function type in its module. */
export type TypeIndex = number & { readonly [brand]: 'type' }

type PlainName =
  keyof typeof scalarInstructions | keyof typeof miscellaneousInstructions | keyof typeof vectorInstructions

/** Instructions without immediates, by name. */
type PlainMethods = { readonly [Name in PlainName]: () => FunctionBuilder }

/** Vector instructions with a lane number. */
type LaneMethods = { readonly [Name in keyof typeof laneInstructions]: (lane: number) => FunctionBuilder }

/** Loads and stores; `offset` in bytes is added to the address, `alignment` in bytes is a hint. */
type MemoryMethods = {
  readonly [Name in keyof typeof memoryInstructions]: (offset?: number, alignment?: number) => FunctionBuilder
}

/** Loads and stores of one lane. */
type MemoryLaneMethods = {
  readonly [Name in keyof typeof memoryLaneInstructions]: (lane: number, offset?: number) => FunctionBuilder
}

export interface FunctionBuilder extends PlainMethods, LaneMethods, MemoryMethods, MemoryLaneMethods {
  /** A new local variable; it starts as zero on each call. */
  local(type: ValueType): Local
  localGet(local: Local): FunctionBuilder
  localSet(local: Local): FunctionBuilder
  localTee(local: Local): FunctionBuilder
  i32Const(value: number): FunctionBuilder
  i64Const(value: bigint): FunctionBuilder
  f32Const(value: number): FunctionBuilder
  f64Const(value: number): FunctionBuilder
  /** Sixteen bytes, low address first. */
  v128Const(bytes: readonly number[]): FunctionBuilder
  /** Four equal lanes. */
  f32x4Const(value: number): FunctionBuilder
  /** Four equal lanes; the value is taken modulo 2³². */
  i32x4Const(value: number): FunctionBuilder
  /** Two equal lanes. */
  f64x2Const(value: number): FunctionBuilder
  /** Result byte i is byte `bytes[i]` of the 32 bytes of both operands. */
  i8x16Shuffle(bytes: readonly number[]): FunctionBuilder
  /** Result lane i is lane `lanes[i]` of the eight 32-bit lanes of both operands. */
  i32x4Shuffle(lanes: readonly number[]): FunctionBuilder
  call(target: FunctionIndex): FunctionBuilder
  /** Calls through table 0; the table index is on top of the stack. */
  callIndirect(type: TypeIndex): FunctionBuilder
  br(label: Label): FunctionBuilder
  /** Branches if the i32 on top of the stack is not zero. */
  brIf(label: Label): FunctionBuilder
  /** A branch to the label leaves the block. */
  block(body: (exit: Label) => void, result?: ValueType): FunctionBuilder
  /** A branch to the label starts the body again; reaching the end leaves the loop. */
  loop(body: (again: Label) => void, result?: ValueType): FunctionBuilder
  /** Runs `then` if the i32 on top of the stack is not zero, else `otherwise`. */
  ifElse(then: () => void, otherwise?: () => void, result?: ValueType): FunctionBuilder
  /** Declared locals and code, without the byte count in front. */
  finish(): number[]
}

const noResult = 0x40

class Builder {
  readonly code: number[] = []
  private readonly localTypes: ValueType[] = []
  private depth = 0

  constructor(private readonly parameterCount: number) {}

  local(type: ValueType): Local {
    this.localTypes.push(type)
    return (this.parameterCount + this.localTypes.length - 1) as Local
  }

  append(...bytes: readonly number[]): this {
    for (const byte of bytes) this.code.push(byte)
    return this
  }

  localGet(local: Local): this {
    return this.append(0x20, ...unsignedLeb(local))
  }

  localSet(local: Local): this {
    return this.append(0x21, ...unsignedLeb(local))
  }

  localTee(local: Local): this {
    return this.append(0x22, ...unsignedLeb(local))
  }

  i32Const(value: number): this {
    return this.append(0x41, ...signedLeb(value | 0))
  }

  i64Const(value: bigint): this {
    return this.append(0x42, ...signedLeb(BigInt.asIntN(64, value)))
  }

  f32Const(value: number): this {
    return this.append(0x43, ...float32Bytes(value))
  }

  f64Const(value: number): this {
    return this.append(0x44, ...float64Bytes(value))
  }

  v128Const(bytes: readonly number[]): this {
    requireSixteen('v128Const', bytes)
    return this.append(0xfd, 12, ...bytes)
  }

  f32x4Const(value: number): this {
    const lane = float32Bytes(value)
    return this.v128Const([...lane, ...lane, ...lane, ...lane])
  }

  i32x4Const(value: number): this {
    const lane = int32Bytes(value)
    return this.v128Const([...lane, ...lane, ...lane, ...lane])
  }

  f64x2Const(value: number): this {
    const lane = float64Bytes(value)
    return this.v128Const([...lane, ...lane])
  }

  i8x16Shuffle(bytes: readonly number[]): this {
    requireSixteen('i8x16Shuffle', bytes)
    return this.append(0xfd, 13, ...bytes)
  }

  i32x4Shuffle(lanes: readonly number[]): this {
    return this.i8x16Shuffle(lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]))
  }

  call(target: FunctionIndex): this {
    return this.append(0x10, ...unsignedLeb(target))
  }

  callIndirect(type: TypeIndex): this {
    return this.append(0x11, ...unsignedLeb(type), 0)
  }

  br(label: Label): this {
    return this.append(0x0c, ...unsignedLeb(this.depth - label))
  }

  brIf(label: Label): this {
    return this.append(0x0d, ...unsignedLeb(this.depth - label))
  }

  block(body: (exit: Label) => void, result?: ValueType): this {
    return this.structured(0x02, body, result)
  }

  loop(body: (again: Label) => void, result?: ValueType): this {
    return this.structured(0x03, body, result)
  }

  ifElse(then: () => void, otherwise?: () => void, result?: ValueType): this {
    return this.structured(
      0x04,
      () => {
        then()
        if (otherwise === undefined) return
        this.append(0x05)
        otherwise()
      },
      result,
    )
  }

  private structured(opcode: number, body: (label: Label) => void, result?: ValueType): this {
    this.append(opcode, result === undefined ? noResult : valueTypeCodes[result])
    this.depth++
    body(this.depth as Label)
    this.depth--
    return this.append(0x0b)
  }

  finish(): number[] {
    const runs: { type: ValueType; count: number }[] = []
    for (const type of this.localTypes) {
      const last = runs.at(-1)
      if (last?.type === type) last.count++
      else runs.push({ type, count: 1 })
    }
    const bytes = unsignedLeb(runs.length)
    for (const { type, count } of runs) bytes.push(...unsignedLeb(count), valueTypeCodes[type])
    for (const byte of this.code) bytes.push(byte)
    bytes.push(0x0b)
    return bytes
  }
}

function requireSixteen(operation: string, bytes: readonly number[]): void {
  if (bytes.length === 16) return
  throw new ArgumentError({ operation, rule: 'needs sixteen bytes', found: `${bytes.length}` })
}

/** The builder class with one method a table row; made once, when this file is loaded. */
function installTables(): void {
  type Method = (this: Builder, first?: number, second?: number) => Builder
  const define = (name: string, method: Method) => {
    Object.defineProperty(Builder.prototype, name, { value: method })
  }
  const plain = (name: string, bytes: readonly number[]) => {
    define(name, function () {
      return this.append(...bytes)
    })
  }
  for (const [name, opcode] of Object.entries(scalarInstructions)) plain(name, [opcode])
  for (const [name, bytes] of Object.entries(miscellaneousInstructions)) plain(name, [0xfc, ...bytes])
  for (const [name, opcode] of Object.entries(vectorInstructions)) plain(name, [0xfd, ...unsignedLeb(opcode)])
  for (const [name, opcode] of Object.entries(laneInstructions)) {
    define(name, function (lane = 0) {
      return this.append(0xfd, ...unsignedLeb(opcode), lane)
    })
  }
  for (const [name, { opcode, bytes }] of Object.entries(memoryInstructions)) {
    define(name, function (offset = 0, alignment = bytes) {
      return this.append(...opcode, Math.log2(alignment), ...unsignedLeb(offset))
    })
  }
  for (const [name, { opcode, bytes }] of Object.entries(memoryLaneInstructions)) {
    define(name, function (lane = 0, offset = 0) {
      return this.append(...opcode, Math.log2(bytes), ...unsignedLeb(offset), lane)
    })
  }
}

installTables()

/** An empty body of a function with that many parameters. */
export function createFunctionBuilder(parameterCount: number): FunctionBuilder {
  // The table methods are put on the prototype above, where the type checker cannot see them.
  return new Builder(parameterCount) as unknown as FunctionBuilder
}
