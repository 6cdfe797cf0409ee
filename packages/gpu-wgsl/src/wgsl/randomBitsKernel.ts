/**
 * Random bits: Threefry-2x32-20 (see tensor's random/threefry.ts), one thread per block of eight elements.
 *   element i = word ⌊i/4⌋ mod 2 of threefry2x32(key, counter = (4·⌊i/8⌋ + i mod 4, 0))
 * so the four counters of a block are one vector, and its two words are the block's two vectors of elements.
 */
import type { RandomBitsKernel } from '@hessian-free/tensor'
import { perItem } from './computeShader.ts'
import { bindBuffers } from './kernelBindings.ts'
import type { KernelContext, KernelGenerator } from './shaderDispatch.ts'

/** Rotation distances of the rounds; the key is added after every fourth. */
const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
]
const groups = 5

function roundsSource(): string {
  let source = ''
  for (let group = 0; group < groups; group++) {
    for (const distance of rotations[group % 2]) {
      source += `x += y;\ny = ((y << vec4<u32>(${distance}u)) | (y >> vec4<u32>(${32 - distance}u))) ^ x;\n`
    }
    source += `x += vec4<u32>(key${(group + 1) % 3});\ny += vec4<u32>(key${(group + 2) % 3} + ${group + 1}u);\n`
  }
  return source
}

/** Vectors are stored where whole ones fit, or the last may run on to the end of the binding. */
function storesVectors({ count, output }: RandomBitsKernel, context: KernelContext): boolean {
  const { offset, buffer } = output
  return offset % 4 === 0 && (count % 4 === 0 || offset + count === context.specification(buffer).elements)
}

export const randomBitsKernel: KernelGenerator<RandomBitsKernel> = (kernel, context) => {
  const { count, key, output } = kernel
  const vectors = storesVectors(kernel, context)
  const bindings = bindBuffers(context, {
    reads: [key.buffer],
    writes: [output.buffer],
    vectors: vectors ? new Set([output.buffer]) : new Set(),
  })
  const blocks = Math.ceil(count / 8)
  const isWhole = count % 8 === 0
  const storeWord = (word: string, first: number): string => {
    if (vectors) {
      const store = bindings.storeVector(
        output.buffer,
        `${output.offset / 4}u + item * 2u + ${first / 4}u`,
        word,
      )
      return isWhole || first === 0 ? `${store}\n` : `if (item * 8u + ${first}u < ${count}u) { ${store} }\n`
    }
    return [0, 1, 2, 3]
      .map((lane) => {
        const store = bindings.store(
          output.buffer,
          `${output.offset + first + lane}u + item * 8u`,
          `${word}[${lane}]`,
        )
        return isWhole ? `${store}\n` : `if (item * 8u + ${first + lane}u < ${count}u) { ${store} }\n`
      })
      .join('')
  }
  return [
    perItem(
      {
        label: `randomBits ${count}`,
        bindings,
        items: blocks,
        body: `let key0 = ${bindings.load(key.buffer, `${key.offset}u`)};
let key1 = ${bindings.load(key.buffer, `${key.offset + 1}u`)};
let key2 = key0 ^ key1 ^ 0x1bd11bdau;
var x = vec4<u32>(item * 4u) + vec4<u32>(0u, 1u, 2u, 3u) + vec4<u32>(key0);
var y = vec4<u32>(key1);
${roundsSource()}${storeWord('x', 0)}${storeWord('y', 4)}`,
      },
      context.device,
    ),
  ]
}
