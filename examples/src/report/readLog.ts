/**
 * A run's log read back: header, steps, and why it ended. A last line that was cut off by a crash is dropped; any other
 * line that is no JSON object of a known kind is an error that names it.
 */
import { FormatError } from '@hessian-free/tensor'
import type { HessianFreeStep } from '@hessian-free/hf'
import type { RunHeader } from './report.ts'

export interface RunLog {
  readonly header: RunHeader
  readonly steps: readonly HessianFreeStep[]
  readonly ended: string
  /** Data URI of originals and reconstructions. */
  readonly digits?: string
}

const numberWords: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity }

type Entry =
  | { readonly kind: 'header' }
  | { readonly kind: 'step' }
  | { readonly kind: 'start' }
  | { readonly kind: 'device' }
  | { readonly kind: 'digits'; readonly picture: string }
  | { readonly kind: 'end'; readonly reason: string }

/** @throws {FormatError} naming the line that is not one of a run's log. */
export function parseLog(text: string, name: string): RunLog {
  const lines = text.split('\n').filter((line) => line !== '')
  const entries = lines.flatMap((line, i): Entry[] => {
    try {
      const entry: unknown = JSON.parse(line, (_, value: unknown) =>
        typeof value === 'string' && value in numberWords ? numberWords[value] : value,
      )
      if (typeof entry === 'object' && entry !== null && 'kind' in entry) return [entry as Entry]
    } catch (cause) {
      if (i === lines.length - 1) return []
      throw new FormatError({
        operation: `readLog(${name})`,
        rule: `line ${i + 1} must be a JSON object`,
        found: line.slice(0, 60),
        cause,
      })
    }
    throw new FormatError({
      operation: `readLog(${name})`,
      rule: `line ${i + 1} must have a kind`,
      found: line.slice(0, 60),
    })
  })
  const header = entries.find(({ kind }) => kind === 'header') as unknown as RunHeader | undefined
  if (header === undefined) {
    throw new FormatError({
      operation: `readLog(${name})`,
      rule: 'the log must begin with a header',
      found: `${lines.length} lines without one`,
    })
  }
  const start = entries.find(({ kind }) => kind === 'start') as unknown as RunHeader['initial']
  const digits = entries.find((entry) => entry.kind === 'digits')
  const end = entries.find((entry) => entry.kind === 'end')
  return {
    header: start === undefined ? header : { ...header, initial: start },
    steps: entries.filter(({ kind }) => kind === 'step') as unknown as HessianFreeStep[],
    ...(digits === undefined ? {} : { digits: digits.picture }),
    ended: end === undefined ? 'interrupted' : end.reason,
  }
}
