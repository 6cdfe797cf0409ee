// Oracle: bytes written here, and the same file read by Node; served from this machine.
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { FileError, FormatError } from '@hessian-free/tensor'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { mnistDirectory, readMnist } from '../src/data/mnistFolder.ts'
import { serveFolders } from '../src/serving/staticServer.ts'
import type { StaticServer } from '../src/serving/staticServer.ts'
import { mnistFetcher } from './fetchMnist.ts'

const images = 't10k-images-idx3-ubyte'
const labels = 't10k-labels-idx1-ubyte'
let folder = ''
let server: StaticServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fetch-mnist-'))
  server = await serveFolders({ '/mnist': mnistDirectory(), '/own': folder })
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})
const fetcher = (path: string, onBytes: (received: number) => void = () => undefined) =>
  mnistFetcher(new URL(path, server.address), onBytes)

it('fetches what Node reads, and counts every byte', async () => {
  let received = 0
  const part = await fetcher('mnist/', (bytes) => (received = bytes))('test')
  expect(received).toBe(7_840_016 + 10_008)
  const read = await readMnist('test')
  expect(part.labels).toEqual(read.labels)
  expect(Buffer.from(part.images.data.buffer).equals(Buffer.from(read.images.data.buffer))).toBe(true)
})

it('unpacks files that are compressed', async () => {
  await writeFile(join(folder, images), gzipSync(await readFile(join(mnistDirectory(), images))))
  await copyFile(join(mnistDirectory(), labels), join(folder, labels))
  const { images: pixels } = await fetcher('own/')('test')
  expect(pixels.shape).toEqual([10_000, 784])
})

it('says of a damaged compressed file that it is one', async () => {
  const packed = gzipSync(await readFile(join(mnistDirectory(), images)))
  await writeFile(join(folder, images), packed.subarray(0, packed.length / 2))
  const fetching = fetcher('own/')('test')
  await expect(fetching).rejects.toThrow(FormatError)
  await expect(fetching).rejects.toThrow(/t10k-images.*gzip stream must be intact.*Reload the page/)
})

it('names the address of a file that is not there, and what to do', async () => {
  const fetching = fetcher('nowhere/')('train')
  await expect(fetching).rejects.toThrow(FileError)
  await expect(fetching).rejects.toThrow(/nowhere\/train-images-idx3-ubyte.*HTTP status 404.*Reload the page/)
})
