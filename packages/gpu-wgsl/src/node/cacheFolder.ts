/**
 * The user's own cache folder: `$XDG_CACHE_HOME/hessian-free`, or `~/.cache/hessian-free`. Nothing that is loaded as code
 * or trusted as measured lies in a folder that other users of the machine can write.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'

export function cacheFolder(): string {
  const folder = process.env['XDG_CACHE_HOME']
  return join(folder === undefined || folder === '' ? join(homedir(), '.cache') : folder, 'hessian-free')
}
