/**
 * Stages: what every kernel becomes. A stage is one function of the program's module and a number of units of work,
 * fixed by the kernel's shape, which threads divide among themselves in runs of consecutive ones (`stageSharing.ts`).
 * Units are independent of one another and each computes its results in one order, so that a result has the same bits
 * for any number of threads, and also where the caller runs all of them alone. A stage of a single unit is run by thread
 * 0, the caller.
 *
 * A stage function takes the words of the address table that it names, loaded; then the address of scratch memory of
 * the running thread's own; then its first unit and the unit after its last:
 *   (word…, own scratch, first unit, unit limit) → ().
 */
import type { BufferIndex, KernelProgram } from '../kernel/kernel.ts'
import type { FunctionIndex, Local } from './assembler/functionBuilder.ts'
import type { ModuleBuilder, Signature } from './assembler/moduleBuilder.ts'
import type { MatrixImports } from './matrix/matrixModule.ts'

declare const brand: unique symbol

/** Position of a 32-bit word in the address table of a program. Word b is the byte address of buffer b. */
export type TableWord = number & { readonly [brand]: 'word' }

export interface Stage {
  readonly target: FunctionIndex
  readonly words: readonly TableWord[]
  /** At least 1. */
  readonly units: number
  /** True if it needs what an earlier stage of the same kernel wrote: threads meet before it. */
  readonly waits: boolean
  /** Runs only if this word of the table is not zero, which all threads see alike. */
  readonly condition?: TableWord
}

/** Packed panels of an operand of a product. */
export interface PanelRequest {
  /** What is packed: its panels may outlive the run where the buffer is an input that stays the same. */
  readonly buffer: BufferIndex | undefined
  /** Says all that the panels depend on besides the contents of the buffer. */
  readonly key: string
  readonly bytes: number
}

export interface PanelWords {
  /** Holds where the panels go, or lie already. */
  readonly address: TableWord
  /** Not zero if they must be packed in this run: the condition of the stage that packs. */
  readonly stale: TableWord
}

/** What the emitters of one program share. */
export interface StageContext {
  readonly module: ModuleBuilder
  readonly buffers: KernelProgram['buffers']
  /** Functions of the matrix product; only where the program has a product. */
  readonly matrix: MatrixImports
  readonly wordOf: (buffer: BufferIndex) => TableWord
  /** A word that holds the address of scratch memory which all threads share while the kernel runs. */
  readonly sharedScratch: (bytes: number) => TableWord
  /** Asks for that much scratch memory of each thread's own while a stage runs. */
  readonly ownScratch: (bytes: number) => void
  readonly panels: (request: PanelRequest) => PanelWords
  /** Elements of cheap work that make a unit, where they are to be others than the default: tests want many units. */
  readonly unitElements?: number
  /** Bytes that an operand of a product may take in scratch memory; `packedProduct` has a default. */
  readonly packedBytes?: number
}

/** The stages, after all threads have done what comes before. */
export const meetFirst = (stages: readonly Stage[]): Stage[] =>
  stages.map((stage, i) => (i === 0 ? { ...stage, waits: true } : stage))

/** The signature of a stage function that takes so many words. */
export const stageSignature = (words: number): Signature => ({
  parameters: new Array<'i32'>(words + 3).fill('i32'),
  results: [],
})

/** The parameters of a stage function after its words. */
export function stageParameters(parameters: readonly Local[]): {
  readonly words: readonly Local[]
  readonly own: Local
  readonly first: Local
  readonly limit: Local
} {
  const [own, first, limit] = parameters.slice(-3)
  return { words: parameters.slice(0, -3), own, first, limit }
}
