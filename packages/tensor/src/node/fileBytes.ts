/**
 * Whole files to bytes and back. Reading checks that what was opened is a regular file and that it gave as many
 * bytes as it said. Writing is atomic: a temporary file beside the target is written, flushed to the disk and
 * renamed over it, so that after a crash there is the old file or the new one, never half of one.
 */
import { randomUUID } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FileError } from '../errors.ts'

const remedies: Readonly<Record<string, string>> = {
  ENOENT: 'Check the path; a directory must exist before a file is written into it',
  EACCES: 'Check the permissions of the file and its directory',
  EPERM: 'Check the permissions of the file and its directory',
  ENOSPC: 'Free space on the disk',
  EROFS: 'The disk is read-only: choose another place',
}

/**
 * The bytes of a regular file.
 * @throws {FileError} if it is missing, no regular file, not readable, or changes its size while being read.
 */
export async function readFileBytes(path: string): Promise<Uint8Array> {
  const operation = `readFile(${path})`
  return reportingFileErrors(operation, 'the file must be readable', async () => {
    const file = await open(path, 'r')
    try {
      const status = await file.stat()
      if (!status.isFile()) {
        throw new FileError({ operation, rule: 'the path must name a regular file', found: 'something else' })
      }
      const bytes = new Uint8Array(status.size)
      let length = 0
      while (length < bytes.length) {
        const { bytesRead } = await file.read(bytes, length, Math.min(bytes.length - length, 2 ** 30), length)
        if (bytesRead === 0) break
        length += bytesRead
      }
      if (length < bytes.length) {
        throw new FileError({
          operation,
          rule: `the file must give the ${bytes.length} bytes that its size says`,
          found: `${length} bytes`,
          remedy: 'Another program may be writing it: read it again',
        })
      }
      return bytes
    } finally {
      await file.close()
    }
  })
}

/**
 * Replaces the file at `path` by `bytes`, entirely or not at all.
 * @throws {FileError} if the directory is missing or not writable, or the disk is full; the file that was there
 * is then untouched and no temporary file is left.
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const directory = dirname(path)
  const temporary = join(directory, `.${basename(path)}.${randomUUID()}.temporary`)
  await reportingFileErrors(`writeFile(${path})`, 'the file must be writable', async () => {
    try {
      const file = await open(temporary, 'wx')
      try {
        await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    await flushDirectory(directory)
  })
}

/** Makes the rename itself durable. Where directories cannot be opened (Windows), the system does it alone. */
async function flushDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function reportingFileErrors<Result>(
  operation: string,
  rule: string,
  action: () => Promise<Result>,
): Promise<Result> {
  try {
    return await action()
  } catch (cause) {
    if (cause instanceof FileError) throw cause
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const remedy = remedies[code]
    throw new FileError({
      operation,
      rule,
      found: cause instanceof Error ? cause.message : String(cause),
      ...(remedy === undefined ? {} : { remedy }),
      cause,
    })
  }
}
