/**
 * What the page and its worker say to each other. The worker owns the run; the page owns the worker and ends it to reset.
 */
import type { HessianFreeStep, InitialEvaluation, Progress } from '@hessian-free/hf'
import type { PresetName } from '../src/examples/example.ts'
import type { PreconditionerName } from '../src/optimiserChoices.ts'

export const backendNames = ['auto', 'gpu', 'wasm'] as const
export type BackendName = (typeof backendNames)[number]

/** What a person chooses on the page. */
export interface RunChoices {
  readonly preset: PresetName
  readonly preconditioner: PreconditionerName
  readonly backend: BackendName
  /** Of WebAssembly; absent: one for each core. */
  readonly threads?: number
  readonly iterations: number
}

export type PageMessage =
  | {
      readonly kind: 'start'
      readonly choices: RunChoices
      /** The page's half of the pause gate; absent where the page is not isolated. */
      readonly sharedPause?: SharedArrayBuffer
    }
  | { readonly kind: 'pause' | 'resume' }

/** Iteration of conjugate gradients, and the quadratic model there. */
export type ModelPoint = readonly [iteration: number, modelValue: number]

/** Images in [0, 1], row-major, one after the other. */
export interface DigitImages {
  readonly originals: Float32Array
  readonly outputs: Float32Array
}

export type WorkerMessage =
  | {
      readonly kind: 'backend'
      /** What computes, in words: `WebGPU on NVIDIA …`. */
      readonly description: string
      /** Why it is not what was asked for, or is slow; in plain words. */
      readonly notice?: string
    }
  /** The device was lost; the run goes on from this step, on what a `backend` message has just named. */
  | { readonly kind: 'deviceLost'; readonly iteration: number }
  /** Threads of WebAssembly failed; the run goes on with one. */
  | { readonly kind: 'threadsFailed'; readonly reason: string }
  | { readonly kind: 'loading'; readonly megabytes: number }
  | {
      readonly kind: 'prepared'
      readonly settings: Readonly<Record<string, string | number>>
      /** What the loss calls its metric. */
      readonly metric: string
    }
  | { readonly kind: 'initial'; readonly initial: InitialEvaluation; readonly digits: DigitImages }
  | {
      readonly kind: 'progress'
      readonly progress: Progress
      /** Points of this step's conjugate gradients that no earlier message had. */
      readonly points: readonly ModelPoint[]
    }
  | {
      readonly kind: 'step'
      /** `seconds` leaves pauses out. */
      readonly step: HessianFreeStep
      /** Not with every step where steps are short. */
      readonly digits?: DigitImages
    }
  | { readonly kind: 'paused' | 'resumed' | 'finished' }
  | { readonly kind: 'failed'; readonly message: string }
