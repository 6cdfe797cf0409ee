/**
 * Machines made of a table of files, so that tests can lay out every broken graphics installation. A path in the table is
 * a file with that content; folders exist by what lies in them.
 */
import type { Machine } from '../node/machine.ts'

export interface FakeMachine {
  readonly files?: Readonly<Record<string, string>>
  readonly environment?: Readonly<Record<string, string>>
  readonly platform?: string
  readonly architecture?: string
  /** Paths that exist and that the user may not open. */
  readonly forbidden?: readonly string[]
}

/** A Linux machine on x64 with the user's home at /home/user, unless told otherwise. */
export function fakeMachine({
  files = {},
  environment = {},
  platform = 'linux',
  architecture = 'x64',
  forbidden = [],
}: FakeMachine = {}): Machine {
  const paths = Object.keys(files)
  const exists = (path: string): boolean =>
    paths.some((known) => known === path || known.startsWith(`${path}/`))
  return {
    platform,
    architecture,
    environment,
    home: '/home/user',
    exists,
    mayUse: (path) => exists(path) && !forbidden.includes(path),
    list: (folder) => [
      ...new Set(
        paths
          .filter((path) => path.startsWith(`${folder}/`))
          .map((path) => path.slice(folder.length + 1).split('/')[0]),
      ),
    ],
    read: (path) => (forbidden.includes(path) ? undefined : files[path]),
  }
}

/** The text of a driver's manifest. */
export const manifestOf = (library: string): string =>
  JSON.stringify({ file_format_version: '1.0.0', ICD: { library_path: library, api_version: '1.3.0' } })
