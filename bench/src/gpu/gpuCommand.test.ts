import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { useSwiftShader } from '@hessian-free/gpu-wgsl/node'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { runGpuBenchmarks } from './gpuCommand.ts'
import type { GpuRow } from './gpuRow.ts'

const offered = useSwiftShader(import.meta.url)

/** What the command printed, line by line. */
async function run(...args: string[]): Promise<{ code: number; output: string[]; messages: string[] }> {
  const [output, messages]: [string[], string[]] = [[], []]
  vi.spyOn(console, 'log').mockImplementation((text: string) => void output.push(text))
  vi.spyOn(console, 'error').mockImplementation((text: string) => void messages.push(text))
  const code = await runGpuBenchmarks(args)
  return { code, output, messages }
}

afterEach(() => {
  vi.restoreAllMocks()
})

it('prints what it can do without looking for a device', async () => {
  const { code, output } = await run('--help')
  expect(code).toBe(0)
  expect(output.join('\n')).toContain('--software')
})

describe.skipIf(!offered)('on SwiftShader (skipped where it is not installed)', () => {
  it('tells that the adapter is a processor', async () => {
    const { code, output } = await run('--software', '--probe')
    expect(code).toBe(1)
    expect(output.join('\n')).toMatch(/^software: .*swiftshader/i)
  })

  it('gives rows with the error of products, prints them and keeps them in a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hessian-free-bench-test-'))
    const { code, output, messages } = await run(
      ...['adapter', 'multiply-add', 'dispatch', 'product', 'half'],
      ...['--software', '--quick', '--sizes', '24', '--output', join(folder, '{device}.jsonl')],
    )
    const rows = output.map((line) => JSON.parse(line) as GpuRow)
    const [file] = readdirSync(folder)
    expect(file).toMatch(/swiftshader.*\.jsonl$/)
    expect(readFileSync(join(folder, file), 'utf8').trimEnd().split('\n')).toEqual(output)
    rmSync(folder, { recursive: true })

    expect(code).toBe(0)
    expect(messages.at(-1)).toContain('device: ')
    const products = rows.filter(({ suite }) => suite === 'product')
    expect(products.map((row) => row.case)).toEqual(['24 NN', '24 NT', '24 TN'])
    for (const { relativeError, milliseconds } of products) {
      expect(relativeError).toBeLessThan(1e-6)
      expect(milliseconds).toBeGreaterThan(0)
    }
    const [host] = rows.filter(({ clock }) => clock === 'host')
    expect(host.case).toContain('64 small products')
    expect(host.target).toBe(8)
    for (const { note } of rows.filter(({ suite }) => suite === 'half-precision')) {
      expect(note).toMatch(/^skipped/)
    }
  })
})
