/**
 * Why Dawn's Node binding, the npm package `webgpu`, could not be loaded, from the error that Node gave: the package is
 * absent, it has no binary for this platform, or the binary needs libraries that this system does not have.
 */
import type { Finding } from './finding.ts'
import type { Machine } from './machine.ts'

export interface LoadFailure {
  /** Node's error code: ERR_MODULE_NOT_FOUND, MODULE_NOT_FOUND, ERR_DLOPEN_FAILED, … */
  readonly code: string
  readonly message: string
}

export function dawnFindings({ code, message }: LoadFailure, machine: Machine): readonly Finding[] {
  const platform = `${machine.platform}-${machine.architecture}`
  const firstLine = message.split('\n')[0]
  if (code === 'ERR_MODULE_NOT_FOUND') {
    return [
      {
        kind: 'dawn-not-installed',
        sentence: 'The npm package webgpu, which holds Dawn, is not installed; it is an optional dependency.',
        remedy: 'npm install webgpu (and install without --omit=optional or --no-optional)',
      },
    ]
  }
  if (code === 'MODULE_NOT_FOUND') {
    return [
      {
        kind: 'dawn-without-binary',
        sentence: `The npm package webgpu has no binary for ${platform}.`,
        remedy:
          'It has binaries for Linux, Windows and macOS on x64 and arm64; use one of these, or the wasm backend',
      },
    ]
  }
  const wanted = /(GLIBC(?:XX)?_[\d.]+)['’` ]* not found/.exec(message)?.[1]
  if (wanted !== undefined || /musl|ld-linux|Error relocating/.test(message)) {
    return [
      {
        kind: 'dawn-needs-newer-system',
        sentence:
          wanted === undefined
            ? `Dawn's binary needs glibc, which this system does not have (it may be Alpine): ${firstLine}`
            : `Dawn's binary needs ${wanted}, and this system's C or C++ library is older.`,
        remedy:
          'Use Debian 12, Ubuntu 22.04 or anything newer with glibc (in containers: node:22-bookworm, not alpine)',
      },
    ]
  }
  return [
    {
      kind: 'dawn-does-not-load',
      sentence: `Dawn's binary for ${platform} does not load: ${firstLine}`,
      remedy: 'Install the npm package webgpu again; if the message names a library, install that',
    },
  ]
}
