/**
 * MNIST in a browser: the IDX files, as they are or compressed with gzip, over HTTP from where the page came from.
 */
import { FileError, FormatError, parseIdx } from '@hessian-free/tensor'
import { readMnistFrom } from '../src/data/mnist.ts'
import type { ReadMnist } from '../src/data/mnist.ts'

const remedy = 'Reload the page; if that does not help, start its server again with `npm run browser`'

/**
 * @param base address of the folder of the files, with a slash at its end.
 * @param onBytes is told how many bytes have arrived, of all files together.
 */
export function mnistFetcher(base: URL, onBytes: (received: number) => void): ReadMnist {
  let received = 0
  const read = async (name: string): ReturnType<Parameters<typeof readMnistFrom>[0]['read']> => {
    const bytes = await fetchBytes(new URL(name, base), (count) => onBytes((received += count)))
    return parseIdx(isGzip(bytes) ? await gunzip(bytes, name) : bytes, name)
  }
  return (part) => readMnistFrom({ read, remedy }, part)
}

/** @throws {FileError} if the server cannot be reached or has no such file. */
async function fetchBytes(address: URL, onBytes: (count: number) => void): Promise<Uint8Array> {
  const fail = (found: string, cause?: unknown): never => {
    throw new FileError({
      operation: `fetch(${address.href})`,
      rule: 'the file must be served',
      found,
      cause,
    })
  }
  try {
    const { ok, status, body } = await fetch(address)
    if (!ok || body === null) return fail(`HTTP status ${status}`)
    const count = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform: (chunk, controller) => {
        onBytes(chunk.length)
        controller.enqueue(chunk)
      },
    })
    return new Uint8Array(await new Response(body.pipeThrough(count)).arrayBuffer())
  } catch (error) {
    if (error instanceof FileError) throw error
    return fail(error instanceof Error ? error.message : String(error), error)
  }
}

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/** @throws {FormatError} for a damaged stream. */
async function gunzip(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  try {
    const content = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
    const plain = content.pipeThrough(new DecompressionStream('gzip'))
    return new Uint8Array(await new Response(plain).arrayBuffer())
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause)
    throw new FormatError({
      operation: `gunzip(${name})`,
      rule: 'the gzip stream must be intact',
      found,
      cause,
    })
  }
}
