/**
 * Opcode tables of the loads and stores, as data: opcode bytes and the natural alignment in bytes. An
 * alignment is only a hint to the engine; every address is legal.
 *
 * Source: WebAssembly Core Specification 2.0 §5.4.6 and §5.4.8; threads proposal for the atomic ones.
 */

export interface MemoryInstruction {
  readonly opcode: readonly number[]
  /** Bytes read or written, which is also the largest alignment that may be declared. */
  readonly bytes: number
}

const access = (bytes: number, ...opcode: number[]): MemoryInstruction => ({ opcode, bytes })

/** Loads and stores with an offset immediate. */
export const memoryInstructions = {
  i32Load: access(4, 0x28),
  i64Load: access(8, 0x29),
  f32Load: access(4, 0x2a),
  f64Load: access(8, 0x2b),
  i32Load8U: access(1, 0x2d),
  i32Load16U: access(2, 0x2f),
  i32Store: access(4, 0x36),
  i64Store: access(8, 0x37),
  f32Store: access(4, 0x38),
  f64Store: access(8, 0x39),
  i32Store8: access(1, 0x3a),
  i32Store16: access(2, 0x3b),
  v128Load: access(16, 0xfd, 0),
  v128Load32Splat: access(4, 0xfd, 9),
  v128Load64Splat: access(8, 0xfd, 10),
  v128Store: access(16, 0xfd, 11),
  v128Load32Zero: access(4, 0xfd, 92),
  v128Load64Zero: access(8, 0xfd, 93),
  // Atomic access (threads proposal): sequentially consistent; the address must be a multiple of 4.
  atomicNotify: access(4, 0xfe, 0x00),
  atomicWait32: access(4, 0xfe, 0x01),
  i32AtomicLoad: access(4, 0xfe, 0x10),
  i32AtomicStore: access(4, 0xfe, 0x17),
  i32AtomicAdd: access(4, 0xfe, 0x1e),
} as const

/** Loads and stores of one lane of a vector: offset and lane immediates. */
export const memoryLaneInstructions = {
  v128Load32Lane: access(4, 0xfd, 86),
  v128Load64Lane: access(8, 0xfd, 87),
  v128Store32Lane: access(4, 0xfd, 90),
  v128Store64Lane: access(8, 0xfd, 91),
} as const
