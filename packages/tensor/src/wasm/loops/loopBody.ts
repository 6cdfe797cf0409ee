/**
 * The body of an element-wise loop: expressions, what they read and where the results go, emitted for up to
 * four neighbouring elements along a lane axis at a fixed distance from the cursors.
 */
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'
import { pushLanes, storeLanes } from './laneMemory.ts'
import type { Access, Cursors } from './loopCursors.ts'
import { elementShift } from './loopCursors.ts'
import { ProgramError } from '../../errors.ts'
import type { KnownNodes } from '../elements/vectorEmission.ts'
import { emitInvariants, emitVectors } from '../elements/vectorEmission.ts'
import type { VectorNode } from '../elements/vectorGraph.ts'

export interface LoopBody {
  readonly cursors: Cursors
  readonly roots: readonly VectorNode[]
  /** By number of the graph's input; undefined where the caller supplies it. */
  readonly inputs: readonly (Access | undefined)[]
  /** One per root; empty where the caller wants the values. */
  readonly stores: readonly Access[]
}

/** Where in the iteration space, relative to the cursors. */
export interface Place {
  /** The axis of the lanes; undefined for a single element, in lane 0. */
  readonly axis: number | undefined
  /** Steps along every axis. */
  readonly at: readonly number[]
  readonly lanes: number
}

/** Puts up to four elements of an input on the operand stack. */
function pushInput(
  f: FunctionBuilder,
  { inputs }: LoopBody,
  input: number,
  { axis, at, lanes }: Place,
): void {
  const access = inputs[input]
  if (access === undefined) {
    throw new ProgramError({
      operation: 'wasm kernel',
      rule: 'only an epilogue may use the result of its kernel',
      found: `input ${input}`,
    })
  }
  pushLanes(f, access, axis, elementShift(access, at), lanes)
}

/**
 * The parts of the expressions that do not change along `axes`, at a place; to be emitted in front of the loops
 * over those axes.
 */
export const emitLoopInvariants = (
  f: FunctionBuilder,
  body: LoopBody,
  axes: readonly number[],
  place: Place,
): KnownNodes =>
  emitInvariants(
    f,
    body.roots,
    (input) => axes.some((axis) => body.inputs[input]?.strides[axis] !== 0),
    (input) => pushInput(f, body, input, place),
  )

/** The values of the roots at a place. `supplied` gives inputs that are in a local already. */
export const emitValues = (
  f: FunctionBuilder,
  body: LoopBody,
  place: Place,
  known?: KnownNodes,
  supplied: (input: number) => Local | undefined = () => undefined,
): Local[] =>
  emitVectors(
    f,
    body.roots,
    (input) => {
      const local = supplied(input)
      if (local !== undefined) f.localGet(local)
      else pushInput(f, body, input, place)
    },
    known,
  )

/** Stores one value a store. */
export function emitStores(
  f: FunctionBuilder,
  { stores }: LoopBody,
  { axis, at, lanes }: Place,
  values: readonly Local[],
): void {
  stores.forEach((store, i) => {
    storeLanes(f, store, axis, elementShift(store, at), lanes, values[i])
  })
}
