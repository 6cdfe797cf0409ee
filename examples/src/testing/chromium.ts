/**
 * A Chromium for tests: the one in the npm package `@sparticuz/chromium` (Linux on x64), which needs no system package,
 * or the one that HESSIAN_FREE_CHROMIUM names. Both bring SwiftShader, so they have WebGPU without a GPU.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { FileError } from '@hessian-free/tensor'

export interface ChromiumInstallation {
  readonly executable: string
  /** Libraries to fall back on where the system lacks some; undefined for a system's Chromium. */
  readonly libraries: string | undefined
  /** Variables that it needs. */
  readonly environment: Readonly<Record<string, string>>
}

/** The package, as this project pins it; part of the folder's name, so that another version is unpacked anew. */
const version = '147.0.0'

/** Without any font Chromium ends; the package's own is added to those of the system, of which there may be none. */
const fontList = 'fonts-of-system-and-package.conf'
const fontListText = (folder: string): string => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${join(folder, 'fonts', 'fonts')}</dir>
  <cachedir>${join(folder, 'fonts-cache')}</cachedir>
</fontconfig>
`

/** Has the package unpack its libraries too, which it does where it believes to be in a cloud function. */
const unpackEverything = { AWS_EXECUTION_ENV: 'nodejs20.x' }

/** @throws {FileError} where there is no Chromium for this machine. */
export async function findChromium(): Promise<ChromiumInstallation> {
  const system = process.env['HESSIAN_FREE_CHROMIUM']
  if (system !== undefined && system !== '') {
    if (existsSync(system)) return { executable: system, libraries: undefined, environment: {} }
    throw new FileError({
      operation: 'findChromium',
      rule: 'HESSIAN_FREE_CHROMIUM must be the path of a Chromium',
      found: system,
    })
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new FileError({
      operation: 'findChromium',
      rule: 'the Chromium of @sparticuz/chromium needs Linux on x64',
      found: `${process.platform} on ${process.arch}`,
      remedy: 'Set HESSIAN_FREE_CHROMIUM to the path of an installed Chromium',
    })
  }
  const folder = await unpacked()
  return {
    executable: join(folder, 'chromium'),
    libraries: join(folder, 'al2023', 'lib'),
    environment: { FONTCONFIG_FILE: join(folder, fontList) },
  }
}

/**
 * The folder of the unpacked package. The package unpacks into TMPDIR file by file and takes what exists for complete;
 * a process of its own, a fresh folder and a rename make sure that no other test starts half a browser.
 */
async function unpacked(): Promise<string> {
  const folder = join(tmpdir(), `hessian-free-chromium-${version}`)
  if (existsSync(folder)) return folder
  const partial = await mkdtemp(`${folder}.`)
  const script = "import('@sparticuz/chromium').then((module) => module.default.executablePath())"
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...process.env, ...unpackEverything, TMPDIR: partial },
  })
  await writeFile(join(partial, fontList), fontListText(folder))
  await rename(partial, folder).catch(async (error: unknown) => {
    await rm(partial, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  })
  return folder
}
