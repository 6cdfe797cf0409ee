/**
 * The command-line tool as its users meet it: in processes of its own, judged by exit codes, by what it prints and by
 * the files it leaves. The toy preset on real MNIST.
 */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSafetensors } from '@hessian-free/tensor/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundleApplication } from '../../scripts/application.mjs'
import { runHf } from './testing/runHf.ts'
import type { Outcome, RunOptions } from './testing/runHf.ts'

let tool = ''
let out = ''

beforeAll(async () => {
  tool = await bundleApplication('hf')
  out = await mkdtemp(join(tmpdir(), 'hf-runs-'))
})
afterAll(async () => {
  await rm(out, { recursive: true })
})

const hf = (commandLine: readonly string[], whenPrinting?: RunOptions['whenPrinting']): Promise<Outcome> =>
  runHf(tool, commandLine, whenPrinting === undefined ? {} : { whenPrinting })

const toy = (name: string, ...more: readonly string[]): readonly string[] => [
  ...['train', 'mnist-autoencoder', '--preset', 'tiny', '--backend', 'wasm', '--out', out, '--name', name],
  ...more,
]

const logOf = async (name: string): Promise<readonly Readonly<Record<string, unknown>>[]> =>
  (await readFile(join(out, name, 'log.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)

describe.concurrent('a mistake on the command line ends with exit code 2 and the valid names', () => {
  it.each([
    ['an example', ['train', 'mnist-autoencodr'], /Did you mean 'mnist-autoencoder'\?.*mnist-classifier/],
    ['no example', ['train'], /missing required argument 'example'/],
    ['a command', ['trian'], /unknown command 'trian'/],
    [
      'an option',
      ['train', 'mnist-classifier', '--itertions', '3'],
      /--iterations.*[^]*Valid options: --preset/,
    ],
    [
      'a preset',
      ['train', 'mnist-classifier', '--preset', 'smal'],
      /Did you mean 'small'\? Valid: tiny, small, full/,
    ],
    ['a backend', ['train', 'mnist-classifier', '--backend', 'cuda'], /Valid: auto, gpu, wasm, reference/],
    [
      'an adapter',
      ['devices', '--adapter', 'softwre'],
      /Did you mean 'software'\? Valid: hardware, software/,
    ],
    ['an option of hf devices', ['devices', '--jsn'], /Valid options: --adapter, --json, --help/],
    [
      'a preconditioner',
      ['train', 'mnist-classifier', '--preconditioner', 'x'],
      /Valid: lbfgs, diagonal, none/,
    ],
    ['a sampling', ['train', 'mnist-classifier', '--sampling', 'fix'], /Did you mean 'fixed'\?/],
    ['a count', ['train', 'mnist-classifier', '--iterations', '0'], /positive integer/],
    ['threads', ['train', 'mnist-classifier', '--threads', '65'], /integer from 1 to 64/],
    [
      'threads of a GPU',
      ['train', 'mnist-classifier', '--backend', 'gpu', '--threads', '2'],
      /option '--threads' cannot be used with '--backend gpu'/,
    ],
    ['a seed', ['train', 'mnist-classifier', '--seed', '-1'], /non-negative integer/],
    ['a damping', ['train', 'mnist-classifier', '--damping', 'NaN'], /positive number/],
    ['two ways to print', ['train', 'mnist-classifier', '--quiet', '--json'], /cannot be used with/],
    ['a name', ['train', 'mnist-classifier', '--name', '../elsewhere'], /must begin with a letter or digit/],
  ])('%s', async (_, commandLine, message) => {
    const { code, stderr, stdout } = await hf(commandLine)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^ {4}at /m)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })
})

describe('help and list', () => {
  it('are answers, not errors', async () => {
    for (const commandLine of [
      ['--help'],
      ['train', '--help'],
      ['report', '--help'],
      ['devices', '--help'],
    ]) {
      const { code, stdout } = await hf(commandLine)
      expect(stdout).toMatch(/^Usage: hf/)
      expect(code).toBe(0)
    }
    const { code, stdout } = await hf(['list'])
    for (const name of [
      'mnist-autoencoder',
      'mnist-classifier',
      'full',
      'gpu',
      'wasm',
      'software',
      'lbfgs',
      'geometric',
    ]) {
      expect(stdout).toContain(name)
    }
    expect(code).toBe(0)
  })
})

describe('hf train', () => {
  let outcome: Outcome
  beforeAll(async () => {
    outcome = await hf(toy('whole', '--iterations', '3', '--threads', '2'))
  })

  it('prints one aligned row per step, a summary, and nothing for a terminal into a pipe', () => {
    expect(outcome.code).toBe(0)
    expect(outcome.stderr).toBe('')
    expect(outcome.stdout).not.toContain('\u001b')
    const lines = outcome.stdout.split('\n')
    const heading = lines.findIndex((line) => /train loss.*held-out.*λ.*ρ.*CG/.test(line))
    const rows = lines.slice(heading + 1, heading + 4)
    expect(rows.map((row) => /^ *(\d+)/.exec(row)?.[1])).toEqual(['1', '2', '3'])
    expect(new Set([lines[heading], ...rows].map((line) => line.length)).size).toBe(1)
    expect(outcome.stdout).toMatch(/All iterations done after 3 iterations/)
  })

  it('logs header, start, each step and the end, one JSON object per line', async () => {
    const log = await logOf('whole')
    expect(log.map(({ kind }) => kind)).toEqual(['header', 'start', 'step', 'step', 'step', 'digits', 'end'])
    expect(log[0].settings).toMatchObject({ network: '784-16-4-16-784', seed: 0, iterations: 3 })
    expect(log[0].settings).toMatchObject({ threads: 2, deterministic: 'no' })
    const { threadUse } = log[6] as { threadUse: { threads: number; sharedRuns: number } }
    expect(threadUse.threads).toBe(2)
    // Not a count: where other processes have the cores, runs are alone for a while.
    expect(threadUse.sharedRuns).toBeGreaterThan(0)
    expect(log[4].heldOutLoss).toBeLessThan(Number(log[1].heldOutLoss))
  })

  it('leaves parameters that read back with the shapes of the network', async () => {
    const { tensors, metadata } = await readSafetensors(join(out, 'whole', 'parameters.safetensors'))
    const shapes = Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]))
    expect(shapes).toEqual({
      ...{ 'layer0.w': [784, 16], 'layer0.b': [16], 'layer1.w': [16, 4], 'layer1.b': [4] },
      ...{ 'layer2.w': [4, 16], 'layer2.b': [16], 'layer3.w': [16, 784], 'layer3.b': [784] },
    })
    expect(Object.values(tensors).every(({ data }) => data.every(Number.isFinite))).toBe(true)
    expect(metadata.example).toBe('mnist-autoencoder')
  })

  it('gives the same log and parameters on one thread as on two, but for the times', async () => {
    const { code, stdout } = await hf(toy('alone', '--iterations', '3', '--threads', '1'))
    expect(code).toBe(0)
    expect(stdout).toMatch(/wasm backend, 1 thread$/m)
    expect(outcome.stdout).toMatch(/wasm backend, 2 threads$/m)
    const differing = ['seconds', 'started', 'threads', 'threadUse']
    const timeless = async (name: string): Promise<unknown> =>
      JSON.parse(JSON.stringify(await logOf(name)), (key, value: unknown) =>
        differing.includes(key) ? undefined : value,
      )
    expect(await timeless('alone')).toEqual(await timeless('whole'))
    const parameters = (name: string): Promise<Buffer> => readFile(join(out, name, 'parameters.safetensors'))
    expect((await parameters('alone')).equals(await parameters('whole'))).toBe(true)
  })

  it('prints the lines of the log with --json, and only the folder with --quiet', async () => {
    const json = await hf(toy('json', '--iterations', '1', '--json'))
    expect(json.stdout).toBe(await readFile(join(out, 'json', 'log.jsonl'), 'utf8'))
    const quiet = await hf(toy('quiet', '--iterations', '1', '--quiet'))
    expect(quiet.stdout).toBe(`${join(out, 'quiet')}\n`)
  })

  it('refuses to write over a run', async () => {
    const before = await readFile(join(out, 'whole', 'log.jsonl'))
    const { code, stderr } = await hf(toy('whole'))
    expect(stderr).toMatch(/never overwritten/)
    expect(code).toBe(1)
    expect(await readFile(join(out, 'whole', 'log.jsonl'))).toEqual(before)
  })

  it('draws the very same report again from the log', async () => {
    const path = join(out, 'whole', 'report.html')
    const first = await readFile(path, 'utf8')
    await rm(path)
    const { code } = await hf(['report', join(out, 'whole')])
    expect(code).toBe(0)
    expect(await readFile(path, 'utf8')).toBe(first)
  })

  it('says in one line that a report has no log to be drawn from', async () => {
    const { code, stderr } = await hf(['report', join(out, 'absent')])
    expect(code).toBe(1)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).toMatch(/absent/)
  })
})

describe('a signal', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s keeps log, parameters and report, and ends with 0',
    async (signal) => {
      let sent = false
      const { code, stdout } = await hf(
        toy(signal, '--iterations', '100000', '--threads', '2'),
        (printed, child) => {
          if (sent || !/\n +2[ ×]/.test(printed)) return
          sent = true
          // Twice at once, as a package manager between terminal and tool may do.
          child.kill(signal)
          child.kill(signal)
        },
      )
      expect(sent).toBe(true)
      expect(code).toBe(0)
      expect(stdout).toMatch(/Stopped by Ctrl-C after \d+ iterations/)
      expect((await readdir(join(out, signal))).sort()).toEqual([
        'log.jsonl',
        'parameters.safetensors',
        'report.html',
      ])
      expect((await logOf(signal)).at(-1)).toMatchObject({ kind: 'end', reason: 'stopped by Ctrl-C' })
      const { tensors } = await readSafetensors(join(out, signal, 'parameters.safetensors'))
      expect(Object.keys(tensors)).toHaveLength(8)
    },
  )
})
