/**
 * The Gauss-Newton product of the MNIST autoencoder beside PyTorch, in turns: functorch's jvp and vjp, which run the model
 * forwards each time, and an R-operator written by hand with the activations kept, which does the same work as ours. And
 * beside the micro-kernel alone: PyTorch's vectors have 256 bits, WebAssembly's 128.
 */
import { microKernelCeiling } from '../ceiling/microKernelCeiling.ts'
import { interleave } from '../interleave.ts'
import { autoencoderProduct } from '../network/autoencoder.ts'
import { requireAgreement } from '../numbers.ts'
import { sampleOf } from '../peers/peerCase.ts'
import type { TorchPeer, TorchRecipe } from '../peers/torchPeer.ts'
import { startTorch, torchRecipes } from '../peers/torchPeer.ts'
import { rowOf } from '../row.ts'
import type { Suite } from './suite.ts'
import { rounds } from './suite.ts'

const suite = 'autoencoder'

const recipeNames: Readonly<Record<TorchRecipe, string>> = {
  functorch: 'PyTorch jvp + vjp',
  rOperator: 'PyTorch R-operator by hand',
}

/** The aim against jvp + vjp is for two threads of an engine with relaxed multiply-add. */
const aimOf = (recipe: TorchRecipe, threads: number): { readonly atMost?: number } =>
  recipe === 'functorch' && threads === 2 && Number(process.versions.node.split('.')[0]) >= 24
    ? { atMost: 1.25 }
    : {}

async function torchOrReason(threads: number, batch: number): Promise<TorchPeer | string> {
  try {
    return await startTorch(threads, batch)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    console.error(`No rows of PyTorch: ${reason}`)
    return `PyTorch: ${reason}`
  }
}

export const torchProduct: Suite = {
  name: suite,
  description: 'Gauss-Newton product of the MNIST autoencoder, batch 512, beside PyTorch',
  run: async (peers, emit, context) => {
    const batch = context.quick ? 4 : 512
    for (const threads of context.threads) {
      const ours = autoencoderProduct(context.backend(threads), batch)
      const ceiling = await microKernelCeiling(threads)
      const torch = peers.available ? await torchOrReason(threads, batch) : 'without peers'
      const result = sampleOf(await ours.result())
      const recipes = typeof torch === 'string' ? [] : torchRecipes
      if (typeof torch !== 'string') {
        for (const recipe of recipes) {
          requireAgreement(recipeNames[recipe], result, torch.samples[recipe], 1e-4)
        }
      }
      const runners = typeof torch === 'string' ? [] : recipes.map((recipe) => torch.runner(recipe))
      const [timing, limit, ...theirs] = await interleave(
        [ours.run, ceiling.run, ...runners],
        rounds(context, 15),
      )
      const parts = {
        suite,
        case: `Gauss-Newton product, batch ${batch}`,
        timing,
        flops: ours.summary.matrixProductFlops,
        threads,
        ceiling: ceiling.ceilingOf(limit),
        note: typeof torch === 'string' ? torch : torch.description,
      }
      if (recipes.length === 0) emit(rowOf(parts))
      recipes.forEach((recipe, i) => {
        emit(
          rowOf({
            ...parts,
            peer: { name: recipeNames[recipe], timing: theirs[i] },
            ...aimOf(recipe, threads),
          }),
        )
      })
      ours.dispose()
      await ceiling.close()
      if (typeof torch !== 'string') torch.close()
    }
  },
}
