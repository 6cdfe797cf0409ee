/**
 * Typed errors of the engine.
 *
 * Every error answers four questions in its message: which operation, what it was given, which rule that
 * breaks, and what to do instead. The parts are kept as fields so that tests and tools need not parse text.
 */

/** The parts of an error message; `found` holds shapes, dtypes, offsets or values as text. */
export interface ErrorParts {
  /** Operation or file that failed, e.g. `dot` or `readNpy(weights.npy)`. */
  readonly operation: string
  /** The rule that was broken, as a full clause. */
  readonly rule: string
  /** What was given instead. */
  readonly found?: string
  /** What the caller can do about it. */
  readonly remedy?: string
  /** The error that lies underneath, if any. */
  readonly cause?: unknown
}

/** Base class: catch it to catch every error this project raises on purpose. */
export class TensorError extends Error {
  readonly operation: string
  readonly rule: string
  readonly found: string | undefined
  readonly remedy: string | undefined

  constructor(parts: ErrorParts) {
    const found = parts.found === undefined ? '' : `; found ${parts.found}`
    const remedy = parts.remedy === undefined ? '' : `. ${parts.remedy}`
    super(`${parts.operation}: ${parts.rule}${found}${remedy}`, { cause: parts.cause })
    this.name = new.target.name
    this.operation = parts.operation
    this.rule = parts.rule
    this.found = parts.found
    this.remedy = parts.remedy
  }
}

/** Shapes that do not fit together. */
export class ShapeError extends TensorError {}

/** Element types that do not fit together or that a backend does not offer. */
export class DtypeError extends TensorError {}

/** An argument outside its domain (an axis, a count, an unknown name). */
export class ArgumentError extends TensorError {}

/** A program that breaks an invariant; its text is in the message. */
export class ProgramError extends TensorError {}

/** A tensor used after it was disposed of, or outside the trace it belongs to. */
export class LifetimeError extends TensorError {}

/** A backend that cannot do what was asked: missing feature, out of memory, lost device. */
export class BackendError extends TensorError {}

/** A device that is gone, with everything that lay in its memory: work goes on on a new backend. */
export class DeviceLostError extends BackendError {}

/** A file or byte stream that is not what it claims to be. */
export class FormatError extends TensorError {}

/** A file that cannot be read or written: missing, not permitted, a full disk. */
export class FileError extends TensorError {}

/** Numbers that make going on meaningless: NaN data, an infinite loss. */
export class NumericalError extends TensorError {}
