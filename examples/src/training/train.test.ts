// A run that fails on its way: what it leaves in its folder. Oracle: the same run, stopped before the failure.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { glorotInitialisation, squaredError } from '@hessian-free/hf'
import type { DenseLayer } from '@hessian-free/hf'
import { BackendError, hostArray, randomKey, randomUniforms } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { readSafetensors } from '@hessian-free/tensor/node'
import { expect, it, vi } from 'vitest'
import type { Example, Preset } from '../examples/example.ts'
import { train } from './train.ts'
import type { TrainingOptions } from './train.ts'

const growth = { start: 60, factor: 4, limit: 240 }
const preset: Preset = {
  ...{ widths: [3, 2], trainingCases: 240, heldOutCases: 20, iterations: 3, damping: 1, weightDecay: 0 },
  ...{ gradientSample: growth, curvatureSample: growth },
}
const source = (cases: number, seed: number) => ({
  inputs: hostArray(Float32Array.from(randomUniforms(randomKey(seed), cases * 3)), [cases, 3]),
  targets: hostArray(Float32Array.from(randomUniforms(randomKey(seed + 1), cases * 2)), [cases, 2]),
})

/** A linear network whose programs for more than `mostCases` cases at a time cannot be made. */
const example = (mostCases: number): Example => ({
  name: 'line',
  description: 'for tests',
  presets: { tiny: preset, small: preset, full: preset },
  prepare: (_, backend) =>
    Promise.resolve({
      problem: {
        loss: squaredError(),
        model: ([{ w, b }]: readonly DenseLayer[], x: Tensor): Tensor => {
          if (x.shape[0] <= mostCases) return x.dot(w).add(b)
          throw new BackendError({ operation: 'test', rule: 'the device must have memory' })
        },
      },
      initial: glorotInitialisation(randomKey(2), preset.widths, { backend, dtype: 'float32' }),
      data: source(240, 1),
      heldOut: source(20, 5),
      reconstructs: false,
    }),
})

it('an error ends a run with the parameters of its last step and the reason in the log', async () => {
  const out = mkdtempSync(join(tmpdir(), 'train-'))
  const options: TrainingOptions = {
    backend: 'wasm',
    preset: 'tiny',
    preconditioner: 'none',
    pairs: 1,
    sampling: 'geometric',
    seed: 0,
    out,
    quiet: true,
  }
  const parametersOf = async (name: string) =>
    (await readSafetensors(join(out, name, 'parameters.safetensors'))).tensors
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  try {
    // The samples of the second iteration are four times as large as those of the first.
    const failing = train(example(100), { ...options, name: 'failing' }, new AbortController())
    await expect(failing).rejects.toThrow(BackendError)
    await train(example(1000), { ...options, name: 'stopped', iterations: 1 }, new AbortController())
    expect(readdirSync(join(out, 'failing')).sort()).toEqual(['log.jsonl', 'parameters.safetensors'])
    expect(await parametersOf('failing')).toEqual(await parametersOf('stopped'))
    const log = readFileSync(join(out, 'failing', 'log.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
    expect(log.map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual([
      ...['header', 'start', 'step', 'end'],
    ])
    expect(log.at(-1)).toMatch(/error: test: the device must have memory/)
  } finally {
    vi.restoreAllMocks()
    rmSync(out, { recursive: true })
  }
})
