/**
 * Processes with a team: idle ones burn no processor time, and they end by themselves or when told to, whatever the
 * workers do. In child processes, from a bundle, which also shows that a worker's source survives bundling.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** Computes with two threads, and prints what `then` says. */
const script = (then: string): string => `
  import { createWasmBackend, jit, tensor } from './index.ts'
  const backend = createWasmBackend({ threads: 2 })
  const square = jit((x) => x.dot(x))
  const x = tensor(new Float32Array(512 * 512).fill(0.01), { shape: [512, 512], backend })
  square(x)
  await backend.synchronize()
  for (let i = 0; i < 5; i++) square(x).dispose()
  if (backend.threadUse.threads !== 2) throw new Error(JSON.stringify(backend.threadUse))
  ${then}
`

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hessian-free-threads-'))
})
afterAll(() => rm(folder, { recursive: true }))

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
}

async function run(
  name: string,
  then: string,
  options: { readonly minify?: boolean; readonly interrupt?: boolean } = {},
): Promise<Ended> {
  const outfile = join(folder, `${name}.mjs`)
  await build({
    stdin: { contents: script(then), resolveDir: join(import.meta.dirname, '../..'), loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    minify: options.minify ?? false,
    keepNames: true,
  })
  // Killed before the test's own time is up, so that a process that hangs is not left behind.
  const child = spawn(process.execPath, [outfile], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 40_000,
    killSignal: 'SIGKILL',
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    if (options.interrupt === true && output.includes('waiting')) child.kill('SIGINT')
  })
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      resolve({ code, signal, output })
    })
  })
}

describe('a process with a team', () => {
  it('uses hardly any processor time while it waits', async () => {
    const { output } = await run(
      'idle',
      `const before = process.cpuUsage()
       await new Promise((resolve) => setTimeout(resolve, 1000))
       const { user, system } = process.cpuUsage(before)
       console.log((user + system) / 1000)`,
    )
    // Milliseconds in a second; one spinning worker would use a thousand.
    expect(Number(output)).toBeLessThan(100)
  })

  it('ends by itself, also minified', async () => {
    const { code, output } = await run('end', `console.log('done')`, { minify: true })
    expect({ code, output }).toEqual({ code: 0, output: 'done\n' })
  })

  it('ends when it is interrupted while the workers are parked', async () => {
    const { signal } = await run('interrupt', `console.log('waiting'); setInterval(() => {}, 1000)`, {
      interrupt: true,
    })
    expect(signal).toBe('SIGINT')
  })

  it('ends when it calls process.exit in the middle of things', async () => {
    const { code } = await run('exit', `square(x); process.exit(3)`)
    expect(code).toBe(3)
  })

  it('may have several teams, and one in a worker of its own', async () => {
    const { code, output } = await run(
      'several',
      `import { Worker, isMainThread } from 'node:worker_threads'
       import { fileURLToPath } from 'node:url'
       const other = createWasmBackend({ threads: 2 })
       const y = tensor(new Float32Array(512 * 512).fill(0.01), { shape: [512, 512], backend: other })
       square(y).dispose()
       await other.synchronize()
       const [mine, theirs] = [await square(x).read(), await square(y).read()]
       if (mine.some((value, i) => value !== theirs[i])) throw new Error('the teams disagree')
       other.dispose()
       if (isMainThread) {
         const worker = new Worker(fileURLToPath(import.meta.url))
         await new Promise((resolve, reject) => { worker.on('exit', resolve); worker.on('error', reject) })
       }
       console.log(isMainThread ? 'main' : 'worker')`,
    )
    expect({ code, lines: output.trim().split('\n').sort() }).toEqual({ code: 0, lines: ['main', 'worker'] })
  })
})
