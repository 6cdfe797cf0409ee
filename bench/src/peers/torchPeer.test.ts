import { describe, expect, it } from 'vitest'
import { parseEnvironment, threadSettings } from './torchPeer.ts'

describe('the thread settings of PyTorch', () => {
  it.each([1, 2, 8])('never give two sets of threads more than one each (%i threads)', (threads) => {
    for (const { openBlas, blasThreads, openMpThreads } of threadSettings(threads)) {
      expect(Math.max(blasThreads, openMpThreads)).toBe(threads)
      // On OpenMP there is one set; on pthreads there are two.
      if (openBlas === 'pthread') expect(Math.min(blasThreads, openMpThreads)).toBe(1)
    }
  })
})

it('reads the environment that the installation wrote, equals signs in values included', () => {
  expect(parseEnvironment('A=/x/y\nB=c=d\n\n')).toEqual({ A: '/x/y', B: 'c=d' })
})
