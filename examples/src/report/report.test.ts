// Oracle: the promises of the page, looked for in its text; a log written here by hand.
import { FormatError } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { digitStrip } from './digitStrip.ts'
import { parseLog } from './readLog.ts'
import { renderReport } from './report.ts'

const header = {
  kind: 'header',
  ...{ example: 'toy <b>', preset: 'tiny', backend: 'reference', metric: 'reconstruction error' },
  settings: { seed: 7, network: '4-2-4' },
}
const step = (iteration: number, accepted = true) => ({
  kind: 'step',
  ...{ iteration, trainingLoss: 9 / iteration, heldOutLoss: 10 / iteration, heldOutMetric: 3 / iteration },
  ...{ seconds: iteration, accepted, damping: 45, nextDamping: 30, gradientNorm: 1 },
  reductionRatio: accepted ? 0.9 : '-Infinity',
  conjugateGradient: { iterations: 12, products: 13, stopReason: 'relativeProgress', chosenIterate: 9 },
  lineSearch: { outcome: 'fullStep', rate: 1 },
  ...{ gradientCases: 100, curvatureCases: 50 },
  work: { lossCases: 10, gradientCases: 100, linearizedCases: 50, productCases: 650, products: 13 },
})
const lines = (...entries: readonly object[]): string =>
  entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
const start = { kind: 'start', heldOutLoss: 20, heldOutMetric: 6 }
const picture = digitStrip([new Float32Array(784).fill(0.5), new Float32Array(784)])
const whole = lines(
  header,
  start,
  step(1),
  step(2, false),
  { kind: 'digits', picture },
  { kind: 'end', reason: 'done' },
)

describe('the report', () => {
  const page = renderReport(parseLog(whole, 'log'))

  it('has every plot as inline SVG, and the picture', () => {
    for (const title of [
      ...['Loss against seconds', 'Loss against work', 'Held-out reconstruction error'],
      ...['Conjugate gradient iterations', 'Damping', 'Sample sizes'],
    ]) {
      expect(page).toContain(`<figcaption>${title}</figcaption>`)
    }
    expect(page.match(/<svg/g)).toHaveLength(6)
    expect(page).toContain('src="data:image/png;base64,')
  })

  it('refers to nothing outside itself', () => {
    expect(page).not.toMatch(/<script|<link|<iframe|@import|url\(/i)
    const sources = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, target]) => target)
    expect(sources.every((target) => target.startsWith('data:') || target.startsWith('#'))).toBe(true)
    // Namespaces of SVG are names, not addresses.
    expect(page.replace(/xmlns(:\w+)?="[^"]*"/g, '')).not.toMatch(/https?:/)
  })

  it('shows initial and final numbers and counts rejected steps', () => {
    expect(page).toContain('20 → 5')
    expect(page).toContain('6 → 1.5')
    expect(page).toContain('2, 1 of them rejected')
    expect(page).toContain('<td>seed</td><td>7</td>')
  })

  it('writes text as text', () => {
    expect(page).toContain('toy &lt;b&gt;')
    expect(page).not.toContain('<b>')
  })

  it('can be drawn of a run without a step, and of one that was cut off in a line', () => {
    expect(renderReport(parseLog(lines(header), 'log'))).toContain('interrupted')
    const cut = `${lines(header, start, step(1))}{"kind":"step","itera`
    expect(parseLog(cut, 'log').steps).toHaveLength(1)
  })
})

describe('a log that is none', () => {
  it('is refused with the line and the file', () => {
    expect(() => parseLog(`${lines(header)}no json\n${lines(start)}`, 'runs/x/log.jsonl')).toThrow(
      FormatError,
    )
    expect(() => parseLog(`${lines(header)}no json\n${lines(start)}`, 'runs/x/log.jsonl')).toThrow(
      /runs\/x\/log\.jsonl.*line 2/,
    )
    expect(() => parseLog(lines(start), 'log')).toThrow(/begin with a header/)
    expect(() => parseLog('', 'log')).toThrow(FormatError)
  })

  it('gives numbers that JSON cannot hold back as numbers', () => {
    expect(parseLog(whole, 'log').steps[1].reductionRatio).toBe(-Infinity)
  })
})
