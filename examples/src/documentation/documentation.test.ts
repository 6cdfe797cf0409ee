// The examples in README.md and docs/cpu.md are files that are run here, and the texts must show exactly those files.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { checkMyLoss } from './customLoss.ts'
import { gramMatrix } from './threads.ts'

const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8')
const readme = read('../../../README.md')

describe('README.md', () => {
  it.each(['minimise.ts', 'customLoss.ts'])('shows %s as it is run', (name) => {
    expect(readme).toContain(`\`\`\`ts\n${read(`./${name}`)}\`\`\``)
  })

  it('has a first example that brings the loss of a sine down by more than ten times', async () => {
    const lines: unknown[][] = []
    const log = vi.spyOn(console, 'log').mockImplementation((...line: unknown[]) => void lines.push(line))
    await import('./minimise.ts')
    log.mockRestore()
    const losses = lines.map(([, loss]) => Number(loss))
    expect(losses).toHaveLength(30)
    expect(losses[29]).toBeLessThan(losses[0] / 10)
  })

  it('has a second example whose loss has the curvature it says', () => checkMyLoss())
})

describe('docs/cpu.md', () => {
  it('shows threads.ts as it is run', () => {
    expect(read('../../../docs/cpu.md')).toContain(`\`\`\`ts\n${read('./threads.ts')}\`\`\``)
  })

  it('has an example in which two threads give the bits of one, together', async () => {
    const [one, two] = [await gramMatrix(1), await gramMatrix(2)]
    expect(one.threadUse).toEqual({ threads: 1, sharedRuns: 0 })
    expect(two.threadUse).toEqual({ threads: 2, sharedRuns: 1 })
    expect(Buffer.from(two.elements.buffer).equals(Buffer.from(one.elements.buffer))).toBe(true)
    expect(Math.abs(one.elements[0] - numbersSquared())).toBeLessThan(1e-3)
  })
})

/** Σ sin²(i) over the first row. */
const numbersSquared = (): number =>
  Array.from({ length: 512 }, (_, i) => Math.sin(i) ** 2).reduce((sum, each) => sum + each, 0)

describe('links', () => {
  it.each(['README.md', 'docs/cpu.md', 'docs/gpu.md'])('of %s lead to files that exist', (page) => {
    const folder = new URL('.', new URL(`../../../${page}`, import.meta.url))
    const links = [...read(`../../../${page}`).matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => path)
    for (const link of links)
      expect(() => readFileSync(fileURLToPath(new URL(link, folder))), link).not.toThrow()
  })

  it('are in the README', () => {
    expect(readme).toMatch(/\]\(docs\/cpu\.md\)/)
  })
})
