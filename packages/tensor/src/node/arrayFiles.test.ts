/** Files on a real disk: round trips, gzip, missing and refused paths, and what a failed write leaves behind. */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileError, FormatError } from '../errors.ts'
import { formatIdx } from '../formats/idx.ts'
import { hostArray } from '../hostArray.ts'
import {
  readIdx,
  readNpy,
  readNpz,
  readSafetensors,
  writeIdx,
  writeNpy,
  writeNpz,
  writeSafetensors,
} from './arrayFiles.ts'
import { readFileBytes, writeFileAtomically } from './fileBytes.ts'

const matrix = hostArray(new Float32Array([1, 2, 3, 4, 5, 6]), [2, 3])
const indices = hostArray(new Int32Array([7, -8]), [2])

let directory = ''
const inDirectory = (name: string): string => join(directory, name)

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'array-files-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

describe('array files', () => {
  it('give back what was written, in every format', async () => {
    await writeNpy(inDirectory('w.npy'), matrix)
    expect(await readNpy(inDirectory('w.npy'))).toEqual(matrix)
    await writeNpz(inDirectory('w.npz'), { matrix, indices })
    expect({ ...(await readNpz(inDirectory('w.npz'))) }).toEqual({ matrix, indices })
    await writeIdx(inDirectory('w.idx'), indices, 'int16')
    expect(await readIdx(inDirectory('w.idx'))).toEqual(indices)
    await writeSafetensors(inDirectory('w.safetensors'), { matrix, indices }, { iteration: '3' })
    const { tensors, metadata } = await readSafetensors(inDirectory('w.safetensors'))
    expect({ ...tensors }).toEqual({ matrix, indices })
    expect({ ...metadata }).toEqual({ iteration: '3' })
    expect((await readdir(directory)).sort()).toEqual(['w.idx', 'w.npy', 'w.npz', 'w.safetensors'])
  })

  it('name their path when they are damaged', async () => {
    const path = inDirectory('damaged.safetensors')
    await writeFile(path, 'no safetensors file')
    await expect(readSafetensors(path)).rejects.toThrow(FormatError)
    await expect(readSafetensors(path)).rejects.toThrow(/damaged\.safetensors/)
  })

  it('are missing with a typed error that says where and what to do', async () => {
    for (const read of [readNpy, readNpz, readSafetensors, readIdx]) {
      await expect(read(inDirectory('absent'))).rejects.toThrow(FileError)
      await expect(read(inDirectory('absent'))).rejects.toThrow(/absent\): .*ENOENT.*Check the path/)
    }
  })

  it('are not directories or devices', async () => {
    await expect(readFileBytes(directory)).rejects.toThrow(FileError)
    await expect(readFileBytes('/dev/null')).rejects.toThrow(/regular file/)
  })
})

describe('readIdx of compressed files', () => {
  const zipped = gzipSync(formatIdx(indices))

  it('reads them, whatever their name', async () => {
    await writeFile(inDirectory('labels'), zipped)
    expect(await readIdx(inDirectory('labels'))).toEqual(indices)
  })

  it.each([
    ['truncated', zipped.subarray(0, -3)],
    ['cut to the magic number', zipped.subarray(0, 2)],
    ['followed by other bytes', Uint8Array.from([...zipped, 1, 2, 3, 4])],
    ['followed by zeros', Uint8Array.from([...zipped, 0, 0, 0, 0])],
    ['two streams', Uint8Array.from([...zipped, ...zipped])],
    ['damaged', Uint8Array.from(zipped, (byte, i) => (i === 14 ? byte ^ 0xff : byte))],
  ])('refuses a stream that is %s', async (_, bytes) => {
    await writeFile(inDirectory('labels.gz'), bytes)
    await expect(readIdx(inDirectory('labels.gz'))).rejects.toThrow(FormatError)
    await expect(readIdx(inDirectory('labels.gz'))).rejects.toThrow(/labels\.gz/)
  })

  it('stops at the limit', async () => {
    const bomb = gzipSync(formatIdx(hostArray(new Int32Array(1e6), [1e6])))
    await writeFile(inDirectory('bomb.gz'), bomb)
    await expect(readIdx(inDirectory('bomb.gz'), { maximumBytes: 1e6 })).rejects.toThrow(
      /at most 1000000 bytes/,
    )
    expect((await readIdx(inDirectory('bomb.gz'))).shape).toEqual([1e6])
  })
})

describe('writeFileAtomically', () => {
  it('replaces a file', async () => {
    const path = inDirectory('file')
    await writeFileAtomically(path, Uint8Array.of(1, 2, 3))
    await writeFileAtomically(path, Uint8Array.of(4))
    expect([...(await readFile(path))]).toEqual([4])
    expect(await readdir(directory)).toEqual(['file'])
  })

  it('says that the directory is missing', async () => {
    const writing = writeFileAtomically(inDirectory('absent/file'), new Uint8Array(1))
    await expect(writing).rejects.toThrow(FileError)
    await expect(writing).rejects.toThrow(/directory must exist/)
  })

  it('leaves the old file and no temporary one when it fails', async () => {
    // A directory cannot be replaced by a file, so the rename fails after the temporary file was written.
    await mkdir(inDirectory('taken'))
    await writeFile(inDirectory('taken/inside'), 'kept')
    await expect(writeFileAtomically(inDirectory('taken'), new Uint8Array(1))).rejects.toThrow(FileError)
    expect(await readdir(directory)).toEqual(['taken'])
    expect(await readFile(inDirectory('taken/inside'), 'utf8')).toBe('kept')
  })

  it('never shows a half-written file to a reader', async () => {
    const path = inDirectory('file')
    const versions = [1, 2, 3, 4].map((version) => new Uint8Array(300_000).fill(version))
    await writeFileAtomically(path, versions[0])
    let writing = true
    const writer = (async () => {
      for (const version of versions) await writeFileAtomically(path, version)
      writing = false
    })()
    let reads = 0
    do {
      const bytes = await readFileBytes(path)
      expect(bytes.length).toBe(300_000)
      expect(bytes.every((byte) => byte === bytes[0])).toBe(true)
      reads++
    } while (writing)
    await writer
    expect(reads).toBeGreaterThan(0)
  })
})
