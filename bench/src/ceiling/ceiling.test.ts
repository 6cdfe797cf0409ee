import { describe, expect, it } from 'vitest'
import { memoryCeiling } from './memoryCeiling.ts'
import { microKernelCeiling } from './microKernelCeiling.ts'
import { createThreadTeam } from './threadTeam.ts'
import { createModuleBuilder } from './emission.ts'

const timing = (milliseconds: number) => ({ milliseconds, least: milliseconds, spread: 0, runs: 1 })

describe('ceilings', () => {
  it.each([1, 2])(
    'of multiplication with %i threads are rates that a processor of this century has',
    async (threads) => {
      const ceiling = await microKernelCeiling(threads)
      const { rate, name } = ceiling.ceilingOf(timing(await ceiling.run()))
      await ceiling.close()
      expect(name).toBe('micro-kernel')
      expect(ceiling.kernel).toMatch(/^\d+×\d+, unroll \d, (relaxed|separate) multiply-add$/)
      expect(rate).toBeGreaterThan(0.5)
      expect(rate).toBeLessThan(threads * 250)
    },
  )

  it('of memory count every byte that all threads move', async () => {
    const ceiling = await memoryCeiling(64_000, 2)
    expect(await ceiling.copy()).toBeGreaterThan(0)
    expect(await ceiling.read()).toBeGreaterThan(0)
    await ceiling.close()
    expect(ceiling.copyCeiling(timing(1))).toMatchObject({ name: 'copy', rate: (2 * 4 * 64_000) / 1e6 })
    expect(ceiling.readCeiling(timing(1))).toMatchObject({ name: 'read', rate: (4 * 64_000) / 1e6 })
  })
})

it('a thread that fails ends the run with its error', async () => {
  const module = createModuleBuilder()
  module.importMemory('env', 'memory', { minimumPages: 1 })
  module.addFunction({ parameters: ['i32'], results: [] }, (f) => f.i32Const(-4).i32Load().drop(), 'trap')
  const team = await createThreadTeam(new WebAssembly.Module(module.build()), 1, 1)
  await expect(team.run('trap', 1)).rejects.toThrow(/out of bounds/)
  await team.close()
})
