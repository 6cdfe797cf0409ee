/**
 * The real MNIST files against the figures everyone knows: class counts, mean and deviation of the pixels, and
 * the first labels; and damaged copies of the files, which must be refused by name.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileError, FormatError } from '@hessian-free/tensor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readMnist } from './mnistFolder.ts'

function histogram(labels: ArrayLike<number>): number[] {
  const counts = new Array<number>(10).fill(0)
  for (let i = 0; i < labels.length; i++) counts[labels[i]]++
  return counts
}

describe('readMnist', () => {
  it('reads 60,000 training images with the known class counts and pixel statistics', async () => {
    const { images, labels } = await readMnist('train')
    expect(images.dtype).toBe('float32')
    expect(images.shape).toEqual([60_000, 784])
    expect(labels.dtype).toBe('int32')
    expect(labels.shape).toEqual([60_000])
    expect(histogram(labels.data)).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
    let sum = 0
    let squares = 0
    let smallest = Infinity
    let largest = -Infinity
    for (const pixel of images.data) {
      sum += pixel
      squares += pixel * pixel
      if (pixel < smallest) smallest = pixel
      if (pixel > largest) largest = pixel
    }
    const mean = sum / images.data.length
    expect(mean).toBeCloseTo(0.1307, 4)
    expect(Math.sqrt(squares / images.data.length - mean * mean)).toBeCloseTo(0.3081, 4)
    expect([smallest, largest]).toEqual([0, 1])
  })

  it('reads 10,000 test images, which begin with 7 2 1 0 4', async () => {
    const { images, labels } = await readMnist('test')
    expect(images.shape).toEqual([10_000, 784])
    expect([...labels.data.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4])
    expect(histogram(labels.data)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
  })

  describe('on damaged files', () => {
    let directory = ''
    const labelsHeader = [0, 0, 8, 1, 0, 0, 0x27, 0x10]
    const imagesHeader = [0, 0, 8, 3, 0, 0, 0x27, 0x10, 0, 0, 0, 28, 0, 0, 0, 28]
    const images = new Uint8Array(16 + 7_840_000)
    images.set(imagesHeader)
    const labels = new Uint8Array(8 + 10_000)
    labels.set(labelsHeader)

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'mnist-'))
    })
    afterAll(async () => {
      await rm(directory, { recursive: true })
    })

    async function testPart(name: string, imageBytes: Uint8Array, labelBytes: Uint8Array) {
      const folder = join(directory, name)
      await mkdir(folder)
      await writeFile(join(folder, 't10k-images-idx3-ubyte'), imageBytes)
      await writeFile(join(folder, 't10k-labels-idx1-ubyte'), labelBytes)
      return readMnist('test', folder)
    }

    it('accepts an intact set of its own making, so that the refusals below mean something', async () => {
      const part = await testPart('intact', images, labels)
      expect(part.images.shape).toEqual([10_000, 784])
    })

    it('names a missing file and the remedy', async () => {
      const reading = readMnist('train', join(directory, 'absent'))
      await expect(reading).rejects.toThrow(FileError)
      await expect(reading).rejects.toThrow(/train-images-idx3-ubyte.*Install the dependencies again/)
    })

    it('refuses a truncated file', async () => {
      const reading = testPart('truncated', images.subarray(0, 1_000_000), labels)
      await expect(reading).rejects.toThrow(FormatError)
      await expect(reading).rejects.toThrow(/takes 7840000 bytes.*999984 bytes at byte 16/)
    })

    it('refuses a file of another shape', async () => {
      const other = Uint8Array.from(images)
      other.set([0, 0, 0, 14, 0, 0, 0, 56], 8)
      const reading = testPart('shape', other, labels)
      await expect(reading).rejects.toThrow(FormatError)
      await expect(reading).rejects.toThrow(/shape \[10000,28,28\]; found int32\[10000,14,56\]/)
    })

    it('refuses a label that is no digit', async () => {
      const other = Uint8Array.from(labels)
      other[8 + 123] = 10
      const reading = testPart('label', images, other)
      await expect(reading).rejects.toThrow(FormatError)
      await expect(reading).rejects.toThrow(/\[0, 9\]; found 10 in element 123/)
    })
  })
})
