/**
 * PyTorch on the processor: Debian's python3-torch, unpacked by bench/torch/install.sh on first use and run by
 * bench/torch/serve.py in a process of its own.
 *
 * Two sets of threads in one process hinder each other: OpenBLAS built on pthreads starts its own beside those of OpenMP
 * that element-wise kernels use. So one of the two sets has one thread, or both share OpenMP's; which of these is fastest
 * depends on how busy the machine is, so each is tried on the spot and the fastest is measured.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Runner } from '../interleave.ts'
import type { LineProcess } from '../lineProcess.ts'
import { startLineProcess } from '../lineProcess.ts'
import { median } from '../statistics.ts'

export const torchRecipes = ['functorch', 'rOperator'] as const
export type TorchRecipe = (typeof torchRecipes)[number]

export interface TorchPeer {
  /** As in "PyTorch 1.13.0a0, OpenBLAS with OpenMP's 2 threads". */
  readonly description: string
  /** Elements of each recipe's result. */
  readonly samples: Readonly<Record<TorchRecipe, readonly number[]>>
  runner(recipe: TorchRecipe): Runner
  close(): void
}

/** Which set of threads has how many. */
export interface ThreadSetting {
  readonly name: string
  readonly openBlas: 'openmp' | 'pthread'
  readonly blasThreads: number
  readonly openMpThreads: number
}

/** The settings in which PyTorch has that many threads and no two sets of them. */
export function threadSettings(threads: number): ThreadSetting[] {
  const shared: ThreadSetting = {
    name: `OpenBLAS on OpenMP's ${threads} threads`,
    openBlas: 'openmp',
    blasThreads: threads,
    openMpThreads: threads,
  }
  if (threads === 1) return [{ ...shared, name: 'one thread' }]
  return [
    shared,
    {
      name: `OpenBLAS with ${threads} threads of its own, OpenMP with 1`,
      openBlas: 'pthread',
      blasThreads: threads,
      openMpThreads: 1,
    },
  ]
}

/** Lines NAME=value. */
export const parseEnvironment = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )

/** bench/torch of the repository that this file, or the bundle it is in, lies in. */
function torchFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const found = join(folder, 'bench', 'torch')
    if (existsSync(join(found, 'serve.py'))) return found
    if (dirname(folder) === folder) throw new Error('bench/torch is not in any folder above this file')
  }
}

function installedEnvironment(folder: string): Record<string, string> {
  const root = join(folder, 'dist')
  if (!existsSync(join(root, 'environment'))) {
    console.error('Installing PyTorch from Debian packages (first run) ...')
    execFileSync(join(folder, 'install.sh'), [root], { stdio: ['ignore', 'inherit', 'inherit'] })
  }
  return parseEnvironment(readFileSync(join(root, 'environment'), 'utf8'))
}

interface Prepared {
  readonly version: string
  readonly functions: string
  readonly samples: Readonly<Record<TorchRecipe, readonly number[]>>
}

const timeOf = async (child: LineProcess, recipe: TorchRecipe): Promise<number> =>
  ((await child.ask({ run: recipe })) as { readonly milliseconds: number }).milliseconds

/** Runs that a setting is judged by, after one that is not counted; by their median, as everything is. */
const trials = 5

async function usualTime(child: LineProcess): Promise<number> {
  await timeOf(child, 'functorch')
  const times: number[] = []
  for (let trial = 0; trial < trials; trial++) times.push(await timeOf(child, 'functorch'))
  return median(times)
}

/** @throws {Error} where PyTorch cannot be installed or started. */
export async function startTorch(threads: number, batch: number): Promise<TorchPeer> {
  const folder = torchFolder()
  const { PYTHONPATH, LIBRARIES, OPENBLAS } = installedEnvironment(folder)
  const tried: {
    readonly setting: ThreadSetting
    readonly child: LineProcess
    readonly prepared: Prepared
    readonly usual: number
  }[] = []
  for (const setting of threadSettings(threads)) {
    const child = startLineProcess('/usr/bin/python3', [join(folder, 'serve.py')], {
      PYTHONPATH,
      PYTHONDONTWRITEBYTECODE: '1',
      LD_LIBRARY_PATH: `${OPENBLAS}-${setting.openBlas}:${LIBRARIES}`,
      OMP_NUM_THREADS: String(setting.openMpThreads),
      OPENBLAS_NUM_THREADS: String(setting.blasThreads),
    })
    const prepared = (await child.ask({ prepare: { batch, threads: setting.openMpThreads } })) as Prepared
    tried.push({ setting, child, prepared, usual: await usualTime(child) })
  }
  const chosen = tried.reduce((a, b) => (b.usual < a.usual ? b : a))
  for (const each of tried) if (each !== chosen) each.child.close()
  const { setting, child, prepared } = chosen
  const functions = prepared.functions.split('.')[0]
  return {
    description: `PyTorch ${prepared.version} (jvp and vjp of ${functions}), ${setting.name}`,
    samples: prepared.samples,
    runner: (recipe) => () => timeOf(child, recipe),
    close() {
      child.close()
    },
  }
}
