/**
 * Cursors of a loop nest: i32 locals that hold the addresses which the nest's views have reached, and the values
 * of its index nodes. Views of one buffer that differ in their offset only share a cursor; the difference
 * goes into the offset immediates of loads and stores. Taking a step along an axis adds a constant to each
 * cursor whose stride along it is not zero.
 */
import type { BufferIndex, View } from '../../kernel/kernel.ts'
import type { FunctionBuilder, Local } from '../assembler/functionBuilder.ts'

/** A view of a buffer, or, without a buffer, the number offset + Σ strides·index itself. */
export interface ViewOf {
  readonly buffer: BufferIndex | undefined
  readonly view: View
}

/** How a view is reached from its cursor. */
export interface Access {
  readonly cursor: Local
  readonly strides: readonly number[]
  /** Elements from the cursor to the view's first element; not negative. */
  readonly offset: number
  readonly isIndex: boolean
}

export interface Cursors {
  /** One per view, in order. */
  readonly accesses: readonly Access[]
  /** Puts all cursors back to where they began. */
  reset(): void
  /** Moves all cursors by `steps` along an axis; `steps` may be negative. */
  advance(axis: number, steps: number): void
  /** `advance` by a number of steps that is known at run time only. */
  advanceBy(axis: number, steps: Local): void
}

/** A cursor and how it moves. */
interface CursorSteps {
  readonly cursor: Local
  readonly buffer: BufferIndex | undefined
  /** Its first element, or first value. */
  readonly first: number
  readonly strides: readonly number[]
  /** What an element is to the cursor. */
  readonly unit: number
}

/** Elements from the access to the element at `index`. */
export const elementShift = ({ strides }: Access, index: readonly number[]): number =>
  index.reduce((sum, position, axis) => sum + (position === 0 ? 0 : position * strides[axis]), 0)

/** Declares the cursors of the views and emits their first values. */
export function createCursors(
  f: FunctionBuilder,
  views: readonly ViewOf[],
  pointerOf: (buffer: BufferIndex) => Local,
): Cursors {
  const keyOf = ({ buffer, view }: ViewOf): string => `${buffer ?? 'index'}+${view.strides.join(',')}`
  const firsts = new Map<string, number>()
  for (const each of views) {
    const first = firsts.get(keyOf(each)) ?? Infinity
    firsts.set(keyOf(each), Math.min(first, each.view.offset))
  }
  const locals = new Map<string, Local>()
  const steps: CursorSteps[] = []
  const accesses = views.map((each): Access => {
    const { buffer, view } = each
    const key = keyOf(each)
    const first = firsts.get(key) ?? 0
    let cursor = locals.get(key)
    if (cursor === undefined) {
      cursor = f.local('i32')
      locals.set(key, cursor)
      steps.push({ cursor, buffer, first, strides: view.strides, unit: buffer === undefined ? 1 : 4 })
    }
    return { cursor, strides: view.strides, offset: view.offset - first, isIndex: buffer === undefined }
  })
  const reset = (): void => {
    for (const { cursor, buffer, first, unit } of steps) {
      if (buffer === undefined) f.i32Const(first)
      else
        f.localGet(pointerOf(buffer))
          .i32Const(unit * first)
          .i32Add()
      f.localSet(cursor)
    }
  }
  reset()
  return {
    accesses,
    reset,
    advance(axis, count) {
      for (const { cursor, strides, unit } of steps) {
        const distance = unit * count * strides[axis]
        if (distance !== 0) f.localGet(cursor).i32Const(distance).i32Add().localSet(cursor)
      }
    },
    advanceBy(axis, count) {
      for (const { cursor, strides, unit } of steps) {
        if (strides[axis] === 0) continue
        f.localGet(count)
          .i32Const(unit * strides[axis])
          .i32Mul()
        f.localGet(cursor).i32Add().localSet(cursor)
      }
    },
  }
}
