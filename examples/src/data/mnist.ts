/**
 * The MNIST handwritten digits (LeCun, Cortes & Burges): 60,000 training and 10,000 test images of 28 × 28 grey
 * pixels. Where the four IDX files come from is the caller's: a folder in Node, a server in a browser.
 *
 * A pixel 0 … 255 becomes pixel / 255 in float32. The paper's autoencoders use the images so, without centring.
 */
import { FileError, FormatError, TensorError, formatShape, hostArray } from '@hessian-free/tensor'
import type { HostArray } from '@hessian-free/tensor'

/** Labelled images. */
export interface LabelledImages {
  /** float32 [cases, 784], row-major pixels in [0, 1]. */
  readonly images: HostArray
  /** int32 [cases], digits 0 … 9. */
  readonly labels: HostArray
}

export type MnistPart = 'train' | 'test'

/** Reads one part of MNIST; what an example is given to read its data with. */
export type ReadMnist = (part: MnistPart) => Promise<LabelledImages>

/** Where the IDX files are. */
export interface MnistSource {
  /**
   * The array in a file such as `train-images-idx3-ubyte`; no other part of the program keeps it.
   * @throws {FileError | FormatError} if the file is missing or damaged.
   */
  readonly read: (fileName: string) => Promise<HostArray>
  /** What to do where a file is missing or damaged. */
  readonly remedy: string
}

const rows = 28
const columns = 28
const digits = 10
const caseCounts: Readonly<Record<MnistPart, number>> = { train: 60_000, test: 10_000 }
const filePrefixes: Readonly<Record<MnistPart, string>> = { train: 'train', test: 't10k' }

/**
 * One part of MNIST.
 *
 * @throws {FileError} if a file is missing or unreadable.
 * @throws {FormatError} if a file is damaged or is not the part of MNIST that its name says.
 */
export async function readMnistFrom(source: MnistSource, part: MnistPart): Promise<LabelledImages> {
  const prefix = filePrefixes[part]
  const cases = caseCounts[part]
  const images = await readFile(source, `${prefix}-images-idx3-ubyte`, [cases, rows, columns], 255)
  const labels = await readFile(source, `${prefix}-labels-idx1-ubyte`, [cases], digits - 1)
  return { images: normalised(images), labels }
}

async function readFile(
  { read, remedy }: MnistSource,
  name: string,
  shape: readonly number[],
  largest: number,
): Promise<HostArray> {
  const array = await read(name).catch((cause: unknown) => {
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
      operation: `readMnist(${name})`,
      rule: `the file must hold bytes of shape ${formatShape(shape)}`,
      found: `${array.dtype}${formatShape(array.shape)}`,
      remedy,
    })
  }
  const at = indexOutside(array.data, largest)
  if (at >= 0) {
    throw new FormatError({
      operation: `readMnist(${name})`,
      rule: `every element must lie in [0, ${largest}]`,
      found: `${array.data[at]} in element ${at}`,
      remedy,
    })
  }
  return array
}

/** Position of the first element outside [0, largest], or −1; a loop, as a callback for 47 million takes most of a second. */
function indexOutside(data: HostArray['data'], largest: number): number {
  for (let i = 0; i < data.length; i++) {
    if (data[i] < 0 || data[i] > largest) return i
  }
  return -1
}

/** Float32 pixels written over the int32 ones, which only this file holds: 188 MB less at the peak. */
function normalised({ data, shape: [cases] }: HostArray): HostArray {
  const pixels = new Float32Array(data.buffer, data.byteOffset, data.length)
  for (let i = 0; i < data.length; i++) pixels[i] = data[i] / 255
  return hostArray(pixels, [cases, rows * columns])
}
