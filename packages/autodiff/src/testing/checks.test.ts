// Oracles: derivatives known on paper must pass, wrong rules must be caught under the name of the identity they break.
import type { Tensor } from '@hessian-free/tensor'
import { exp, log, sin, softmax, stopGradient } from '@hessian-free/tensor'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { customJvp, customLinear } from '../index.ts'
import { CheckError, checkHessianVectorProduct, checkJvp, checkVjp, floats, indices } from './index.ts'

describe('checkJvp', () => {
  it('passes for a function of a tree with further arguments', async () => {
    const f = ({ a, b }: { a: Tensor; b: Tensor }, c: Tensor): Tensor => softmax(a.dot(b).add(c))
    await checkJvp(f, [{ a: floats([2, 3]), b: floats([3, 4]) }, floats([4])])
  })

  it('catches a custom rule with a wrong factor', async () => {
    const wrong = customJvp(
      (x) => x.square(),
      ([x], [dx]) => dx?.multiply(x),
    )
    await expect(checkJvp((x: Tensor) => wrong(x), [floats([3])])).rejects.toThrow(
      /checkJvp: jvp must equal .* seed/s,
    )
  })

  it('catches a derivative that was cut off', async () => {
    const cut = (x: Tensor): Tensor => sin(x).add(stopGradient(x))
    await expect(checkJvp(cut, [floats([3])])).rejects.toThrow(CheckError)
  })

  it('says how to narrow the points where the function has no derivative anywhere', async () => {
    const undefinedHere = (x: Tensor): Tensor => log(x.multiply(0).subtract(1))
    await expect(checkJvp(undefinedHere, [floats([2])], { runs: 3 })).rejects.toThrow('Narrow the points')
  })

  it('repeats a failure exactly from the reported seed and path', async () => {
    const cut = (x: Tensor): Tensor => exp(x).add(stopGradient(x))
    const messageOf = async (options: { seed: number; path?: string }): Promise<string> => {
      try {
        await checkJvp(cut, [floats([2])], options)
        return 'passed'
      } catch (error) {
        return (error as Error).message
      }
    }
    const first = await messageOf({ seed: 11 })
    const path = /path: '([^']*)'/.exec(first)?.[1] ?? 'none'
    const point = (message: string): string | undefined => /at (.*), after/s.exec(message)?.[1]
    expect(point(await messageOf({ seed: 11, path }))).toBe(point(first))
    expect(await messageOf({ seed: 11 })).toBe(first)
  })
})

describe('checkVjp', () => {
  it('passes for a matrix product', async () => {
    const f = (x: Tensor, y: Tensor): Tensor => exp(x).dot(y)
    await checkVjp(f, [floats([2, 3]), floats([3, 2])])
  })

  it('catches a wrong transpose', async () => {
    const wrong = customLinear(
      (x) => x.multiply(3),
      (c) => c.multiply(2),
    )
    await expect(checkVjp((x: Tensor) => wrong(sin(x)), [floats([3])])).rejects.toThrow('⟨u, Jv⟩ = ⟨Jᵀu, v⟩')
  })
})

describe('checkHessianVectorProduct', () => {
  it('passes for a smooth scalar', async () => {
    await checkHessianVectorProduct((x: Tensor) => exp(sin(x)).sum().square(), [floats([4])])
  })

  it('catches a gradient that is right while the second derivative is cut off', async () => {
    const cut = customJvp(
      (x) => sin(x),
      ([x], [dx]) => dx?.multiply(stopGradient(sin(x.add(Math.PI / 2)))),
    )
    await expect(checkHessianVectorProduct((x: Tensor) => cut(x).sum(), [floats([3])])).rejects.toThrow(
      'Hv must equal the central difference',
    )
  })
})

describe('floats and indices', () => {
  it('stay inside their ranges', () => {
    fc.assert(
      fc.property(floats([3], { minimum: 2, maximum: 5 }), indices([4], 3), (x, i) => {
        expect(x.data.every((value: number) => value >= 2 && value <= 5)).toBe(true)
        expect(i.data.every((value: number) => value >= 0 && value < 3 && Number.isInteger(value))).toBe(true)
      }),
    )
  })
})
