// Installs the locked dependencies with the pinned pnpm, fetched through npx, when they are absent or out of date.
//
// What was installed is remembered as a digest of everything the result depends on, in node_modules itself, so
// that deleting node_modules, pulling a new lockfile or moving the folder to another kind of machine all lead to
// a new install, and an interrupted install is not mistaken for a finished one.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PEERS = join(ROOT, 'bench', 'peers')

/** npm's own defaults keep a person without a network waiting for over a minute; a setting of theirs wins. */
const PATIENCE = {
  npm_config_fetch_retries: '2',
  npm_config_fetch_retry_mintimeout: '1000',
  npm_config_fetch_retry_maxtimeout: '8000',
}

/** Installing failed; the message says what to do and needs no stack trace. */
export class InstallError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message)
    this.name = 'InstallError'
  }
}

/** Installs the workspace's dependencies unless the last install was of these very ones. */
export async function installWhenNeeded() {
  await installFolder({
    folder: ROOT,
    inputs: ['pnpm-lock.yaml', 'pnpm-workspace.yaml'],
    what: 'dependencies',
    flags: [],
  })
}

/**
 * Installs the engines that the benchmarks compare with. They weigh several times all other dependencies together,
 * so they form a folder of their own outside the workspace and arrive on the first benchmark that wants them.
 *
 * @param {readonly string[]} benchArguments - the command line; `gpu`, `--no-peers` or `--help` means that none is needed
 */
export async function installBenchmarkPeers(benchArguments) {
  if (benchArguments[0] === 'gpu') return
  if (benchArguments.includes('--no-peers') || benchArguments.includes('--help')) return
  await installFolder({
    folder: PEERS,
    inputs: ['pnpm-lock.yaml'],
    what: 'benchmark peers',
    flags: ['--ignore-workspace'],
  })
}

/** @param {{ folder: string, inputs: string[], what: string, flags: string[] }} options */
async function installFolder({ folder, inputs, what, flags }) {
  const pnpm = pinnedPnpm()
  const wanted = digest([
    pnpm,
    `${process.platform}-${process.arch}`,
    ...inputs.map((name) => readFileSync(join(folder, name), 'utf8')),
  ])
  const stamp = join(folder, 'node_modules', '.installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  const started = performance.now()
  process.stderr.write(`Installing ${what} (first run or changed lockfile) ... `)
  const { code, output } = await run(
    'npx',
    [
      '--yes',
      '--prefer-offline',
      pnpm,
      'install',
      '--frozen-lockfile',
      '--prefer-offline',
      '--config.confirmModulesPurge=false',
      ...flags,
    ],
    folder,
  )
  if (code !== 0) {
    process.stderr.write('failed\n')
    throw new InstallError(`${output.trimEnd()}\n\n${explainFailure(output, what)}`)
  }
  writeFileSync(stamp, wanted)
  process.stderr.write(`done in ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
}

/**
 * Says in a sentence or two why an install failed and what would help.
 *
 * @param {string} output - everything that npx and pnpm printed
 * @param {string} what - what was being installed
 */
export function explainFailure(output, what) {
  const unreachable =
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ERR_PNPM_META_FETCH_FAIL|ERR_PNPM_FETCH_\d/
  if (unreachable.test(output)) {
    return (
      `Could not install the ${what}: the npm registry could not be reached or refused (see above).\n` +
      `The first run needs the network. Check the connection, the proxy settings and 'npm config get registry', ` +
      `then run the same command again.`
    )
  }
  if (output.includes('ERR_PNPM_OUTDATED_LOCKFILE')) {
    return (
      `Could not install the ${what}: a package.json asks for something that pnpm-lock.yaml lacks.\n` +
      `Run 'npx ${pinnedPnpm()} install' and commit the lockfile.`
    )
  }
  if (/ENOSPC/.test(output)) return `Could not install the ${what}: the disk is full.`
  return `Could not install the ${what}: see the output above.`
}

/** @returns {string} `pnpm@x.y.z`, as package.json pins it */
function pinnedPnpm() {
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  return String(packageManager).split('+')[0]
}

/** @param {readonly string[]} parts */
function digest(parts) {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest('hex')
}

/**
 * Runs a command silently and keeps what it printed.
 *
 * @param {string} command
 * @param {readonly string[]} commandArguments
 * @param {string} cwd
 * @returns {Promise<{ code: number, output: string }>}
 */
function run(command, commandArguments, cwd) {
  return new Promise((resolve) => {
    // On Windows npx is a batch file, which only a shell can start.
    const shell = process.platform === 'win32'
    const child = spawn(command, commandArguments, {
      cwd,
      shell,
      env: { ...PATIENCE, ...process.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const keep = (/** @type {Buffer} */ chunk) => {
      output += chunk.toString()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => resolve({ code: 1, output: `${output}${error.message}` }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}
