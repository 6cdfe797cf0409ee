/**
 * Element-wise work and reductions beside peers: a fused chain with a transcendental function, and a sum.
 */
import { jit, tanh, tensor } from '@hessian-free/tensor'
import type { Tensor } from '@hessian-free/tensor'
import { interleave } from '../interleave.ts'
import { numbers } from '../numbers.ts'
import type { ElementCase } from '../peers/peerCase.ts'
import { elementRange } from '../peers/peerCase.ts'
import { repeated } from '../repeated.ts'
import { rowOf } from '../row.ts'
import type { Suite } from './suite.ts'
import { rounds } from './suite.ts'

const suite = 'element-wise'

const cases: readonly {
  readonly kind: ElementCase['kind']
  readonly name: string
  readonly target?: number
  readonly compute: (x: Tensor, y: Tensor) => Tensor
}[] = [
  {
    kind: 'chain',
    name: 'fused (tanh(x·y) + x)·½',
    target: 4,
    compute: (x, y) => tanh(x.multiply(y)).add(x).multiply(0.5),
  },
  { kind: 'sum', name: 'sum', compute: (x) => x.sum() },
]

export const elementwise: Suite = {
  name: suite,
  description: '(tanh(x·y) + x)·½ and a sum over 1e6 elements beside peers',
  run: async (peers, emit, context) => {
    const count = context.quick ? 1000 : 1e6
    for (const threads of context.threads) {
      const backend = context.backend(threads)
      const [x, y] = [1, 2].map((seed) => tensor(numbers(seed, count, elementRange), { backend }))
      // TensorFlow.js has one thread.
      const engines = [peers.jax(threads), threads === 1 ? peers.tf() : undefined].flatMap((engine) =>
        engine === undefined ? [] : [engine],
      )
      for (const { kind, name, target, compute } of cases) {
        const compiled = jit(compute)
        const check = compiled(x, y)
        const result = await check.read()
        check.dispose()
        const prepared = await Promise.all(engines.map((engine) => engine.prepare({ kind, count }, result)))
        const [timing, ...theirs] = await interleave(
          [
            repeated(() => {
              compiled(x, y).dispose()
            }),
            ...prepared.map((peer) => peer.runner(kind)),
          ],
          rounds(context, 21, 5),
        )
        const parts = { suite, case: `${name}, ${count}`, timing, threads }
        if (engines.length === 0) emit(rowOf(parts))
        engines.forEach((engine, i) => {
          emit(
            rowOf({
              ...parts,
              peer: { name: engine.name, timing: theirs[i] },
              ...(target === undefined ? {} : { target }),
            }),
          )
        })
        compiled.dispose()
        for (const peer of prepared) await peer.drop()
      }
      x.dispose()
      y.dispose()
    }
  },
}
