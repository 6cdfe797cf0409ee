// The examples in README.md are files that are run here, and the README must show exactly those files.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { checkMyLoss } from './customLoss.ts'

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

  it('links to files that exist', () => {
    const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => path)
    expect(links.length).toBeGreaterThan(0)
    for (const link of links)
      expect(
        () => readFileSync(fileURLToPath(new URL(`../../../${link}`, import.meta.url))),
        link,
      ).not.toThrow()
  })
})
