/**
 * A GPU for machines without one: SwiftShader, Google's Vulkan on the processor, out of the npm package
 * `@sparticuz/chromium` (Linux on x64). No system package is needed: the Vulkan loader that lies beside it is loaded
 * into the process, where Dawn finds it by name, and told of SwiftShader as its only driver.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { BackendError } from '@hessian-free/tensor'
import { cacheFolder } from './cacheFolder.ts'

/** glibc's flag that keeps a library in the process after its handle is closed. */
const RTLD_NODELETE = 0x1000
const tarBlock = 512

/** The folder of `@sparticuz/chromium` as seen from `from`, or undefined where it is not installed. */
function packageFolder(from: string): string | undefined {
  try {
    const entry = createRequire(from).resolve('@sparticuz/chromium')
    return entry.slice(
      0,
      entry.lastIndexOf(join('@sparticuz', 'chromium')) + join('@sparticuz', 'chromium').length,
    )
  } catch {
    return undefined
  }
}

/** Regular files of a tar archive. */
function filesOfTar(tar: Buffer): { readonly name: string; readonly contents: Buffer }[] {
  const files: { name: string; contents: Buffer }[] = []
  for (let offset = 0; offset + tarBlock <= tar.length;) {
    const name = tar.toString('latin1', offset, offset + 100).split('\0')[0]
    if (name === '') break
    const size = parseInt(tar.toString('latin1', offset + 124, offset + 136), 8) || 0
    const start = offset + tarBlock
    if (size > 0) files.push({ name: basename(name), contents: tar.subarray(start, start + size) })
    offset = start + Math.ceil(size / tarBlock) * tarBlock
  }
  return files
}

let folderInUse: string | undefined

/** The folder of the driver and loader that `useSwiftShader` has put into this process; undefined without it. */
export const swiftShaderFolder = (): string | undefined => folderInUse

/**
 * Makes SwiftShader this process's Vulkan driver; call it before the first `createDawn`.
 * @param from a file or URL from which `@sparticuz/chromium` resolves.
 * @returns false where the package or the platform does not offer it.
 * @throws {BackendError} for an archive that is not what it should be.
 */
export function useSwiftShader(from: string): boolean {
  const folder = packageFolder(from)
  if (folder === undefined || process.platform !== 'linux' || process.arch !== 'x64') return false
  const unpacked = unpack(join(folder, 'bin', 'swiftshader.tar.br'))
  const driver = join(unpacked, 'vk_swiftshader_icd.json')
  process.env['VK_DRIVER_FILES'] = driver
  process.env['VK_ICD_FILENAMES'] = driver
  process.env['XDG_RUNTIME_DIR'] ??= unpacked
  try {
    process.dlopen(
      { exports: {} },
      join(unpacked, 'libvulkan.so.1'),
      constants.dlopen.RTLD_NOW | RTLD_NODELETE,
    )
  } catch {
    // Always: the loader is no Node module. It stays in the process all the same.
  }
  folderInUse = unpacked
  return true
}

/** Unpacks once per package version; several processes may do so at the same time. */
function unpack(archive: string): string {
  const version = archive.match(/chromium@([\w.]+)/)?.[1] ?? 'current'
  const target = join(cacheFolder(), `swiftshader-${version}`)
  if (existsSync(join(target, 'vk_swiftshader_icd.json'))) return target
  const partial = newFolder(`${target}.${process.pid}`)
  const files = filesOfTar(brotliDecompressSync(readFileSync(archive)))
  for (const { name, contents } of files) writeFileSync(join(partial, name), contents, { mode: 0o755 })
  if (!existsSync(join(partial, 'vk_swiftshader_icd.json'))) {
    throw new BackendError({
      operation: 'useSwiftShader',
      rule: 'the archive must hold vk_swiftshader_icd.json',
      found: files.map(({ name }) => name).join(', '),
      remedy: 'Install @sparticuz/chromium 147',
    })
  }
  if (!partial.startsWith(target)) return partial
  try {
    renameSync(partial, target)
  } catch {
    // Another process was first.
    rmSync(partial, { recursive: true, force: true })
  }
  return target
}

/** The folder, or a temporary one for this process where the user's cache cannot be written. */
function newFolder(wanted: string): string {
  try {
    mkdirSync(wanted, { recursive: true })
    return wanted
  } catch {
    return mkdtempSync(join(tmpdir(), 'hessian-free-swiftshader-'))
  }
}
