import { readFileSync } from 'node:fs'
import { BackendError } from '@hessian-free/tensor'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { runSubcommand } from './subcommand.ts'

const missing = new BackendError({ operation: 'test', rule: 'there must be an adapter' })
const printed = () => vi.spyOn(console, 'error').mockImplementation(() => undefined)

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a subcommand', () => {
  it('hands on its arguments and its exit code', async () => {
    const run = vi.fn(() => Promise.resolve(7))
    expect(await runSubcommand(run, ['--quick'])).toBe(7)
    expect(run).toHaveBeenCalledWith(['--quick'])
  })

  it.each<[string, () => unknown, number, RegExp]>([
    [
      'a mistake on the command line',
      () => Promise.reject(new RangeError('unknown option')),
      2,
      /^unknown option$/,
    ],
    ['a missing adapter', () => Promise.reject(missing), 1, /must be an adapter[^]*--software runs/],
    ['a missing file', () => readFileSync('/nowhere/rows.jsonl'), 1, /^ENOENT.*\/nowhere\/rows\.jsonl'$/],
  ])('answers %s with its message alone', async (_, fail, code, message) => {
    const messages = printed()
    expect(await runSubcommand(async () => Number(await fail()), [])).toBe(code)
    expect(messages.mock.calls.flat().join('\n')).toMatch(message)
  })

  it('does not recommend what was tried', async () => {
    const messages = printed()
    expect(await runSubcommand(() => Promise.reject(missing), ['--software'])).toBe(1)
    expect(messages).toHaveBeenCalledTimes(1)
  })

  it('lets defects through with the place they come from', async () => {
    await expect(runSubcommand(() => Promise.reject(new TypeError('x')), [])).rejects.toThrow(TypeError)
  })
})
