/**
 * What the search for a graphics driver may look at: files, environment, platform. An interface, so that every broken
 * installation there is can be laid out in a test; `thisMachine` is the real one. Nothing here starts a process.
 */
import { accessSync, constants, existsSync, readFileSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'

/** A machine as the diagnosis sees it. Every method answers for absent or forbidden paths instead of throwing. */
export interface Machine {
  readonly platform: string
  /** Node's name of the processor: 'x64', 'arm64', … */
  readonly architecture: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly home: string
  exists(path: string): boolean
  /** Whether this user may open it for reading and writing. */
  mayUse(path: string): boolean
  /** Names in a folder; none where there is no such folder. */
  list(folder: string): readonly string[]
  /** Contents with one character per byte, so that binary files can be searched for names. */
  read(path: string): string | undefined
}

/** The machine that this process runs on, with the process's environment as it is at each look. */
export const thisMachine: Machine = {
  platform: process.platform,
  architecture: process.arch,
  environment: process.env,
  home: homedir(),
  exists: existsSync,
  mayUse(path) {
    try {
      accessSync(path, constants.R_OK | constants.W_OK)
      return true
    } catch {
      return false
    }
  },
  list(folder) {
    try {
      return readdirSync(folder)
    } catch {
      return []
    }
  },
  read(path) {
    try {
      return readFileSync(path, 'latin1')
    } catch {
      return undefined
    }
  },
}
