// Oracle: what each option is for. That a mistake ends the command with 2 is in cli.test.ts.
import { describe, expect, it } from 'vitest'
import { findIdleOption } from './idleOptions.ts'

describe('an option that would do nothing', () => {
  it.each([
    [{ backend: 'auto', adapter: 'software' }, /'--adapter software' needs '--backend gpu'/],
    [{ backend: 'wasm', tune: true }, /'--tune' cannot be used with '--backend wasm'/],
    [{ backend: 'reference', tune: true }, /'--tune' cannot be used with '--backend reference'/],
    [{ backend: 'gpu', threads: 2 }, /'--threads' cannot be used with '--backend gpu'/],
    [{ backend: 'reference', threads: 1 }, /'--threads' cannot be used with '--backend reference'/],
    [{ backend: 'auto', deterministic: true }, /'--deterministic' needs '--backend wasm'/],
    [{ backend: 'gpu', deterministic: true }, /'--deterministic' needs '--backend wasm'/],
  ] as const)('%j is found, with the reason', (asked, reason) => {
    expect(findIdleOption(asked)).toMatch(reason)
  })

  it.each([
    { backend: 'auto', adapter: 'hardware' },
    { backend: 'gpu', adapter: 'software', tune: true },
    { backend: 'auto', tune: true },
    { backend: 'auto', threads: 2 },
    { backend: 'wasm', threads: 2, deterministic: true },
  ] as const)('%j has none', (asked) => {
    expect(findIdleOption(asked)).toBeUndefined()
  })
})
