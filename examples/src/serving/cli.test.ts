/**
 * The browser command in processes of its own: what it serves, how it ends, and what it says of mistakes.
 */
import { spawn } from 'node:child_process'
import { get } from 'node:http'
import { beforeAll, describe, expect, it } from 'vitest'
import { bundleApplication } from '../../../scripts/application.mjs'
import { serveFolders } from './staticServer.ts'

let tool = ''
beforeAll(async () => {
  tool = await bundleApplication('browser')
})

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** @param whenServing is called with the address; the process gets the signal afterwards. */
function browser(
  commandLine: readonly string[],
  whenServing?: (address: string) => Promise<void>,
  signal: NodeJS.Signals = 'SIGINT',
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [tool, ...commandLine], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    let address: string | undefined
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
      if (address !== undefined) return
      address = /http:\S+/.exec(stdout)?.[0]
      if (address === undefined) return
      Promise.resolve(whenServing?.(address))
        .catch(reject)
        .finally(() => child.kill(signal))
    })
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** The status of a path sent as it is: `fetch` would tidy it up. */
const statusOf = (address: string, path: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(address)
    get({ hostname, port, path }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', reject)
  })

describe('pnpm browser', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'serves an isolated page and MNIST until %s, then ends with 0',
    async (signal) => {
      const { code, stderr } = await browser(
        ['--port', '0'],
        async (address) => {
          const page = await fetch(address)
          expect(await page.text()).toContain('<h1>Hessian-free optimisation</h1>')
          expect(page.headers.get('Cross-Origin-Opener-Policy')).toBe('same-origin')
          expect(page.headers.get('Cross-Origin-Embedder-Policy')).toBe('require-corp')
          const worker = await fetch(`${address}worker.js`)
          expect(worker.headers.get('Content-Type')).toMatch(/javascript/)
          const labels = await fetch(`${address}mnist/t10k-labels-idx1-ubyte`)
          expect((await labels.arrayBuffer()).byteLength).toBe(10_008)
          expect((await fetch(`${address}no-such-file`)).status).toBe(404)
          expect(await statusOf(address, '/mnist/../package.json')).toBe(404)
          expect(await statusOf(address, '/..%2f..%2fpackage.json')).toBe(404)
        },
        signal,
      )
      expect(stderr).toBe('')
      expect(code).toBe(0)
    },
  )

  it('says in one line that a port is taken, and ends with 1', async () => {
    const other = await serveFolders({ '/': '.' })
    const { code, stderr } = await browser(['--port', new URL(other.address).port])
    await other.close()
    expect(stderr).toMatch(/EADDRINUSE\. Choose another with --port/)
    expect(stderr).not.toMatch(/^ {4}at /m)
    expect(code).toBe(1)
  })

  it.each([
    ['an unknown flag', ['--prot', '80'], /unknown option '--prot'.*Usage: browser/s],
    ['a port that is none', ['--port', '70000'], /integer from 0.*Usage: browser/s],
    ['an argument', ['here'], /too many arguments.*Usage: browser/s],
  ])('answers %s with the help and exit code 2', async (_, commandLine, message) => {
    const { code, stdout, stderr } = await browser(commandLine)
    expect(stderr).toMatch(message)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  it('ends after building with --build-only', async () => {
    const { code, stdout } = await browser(['--build-only'])
    expect(stdout).toMatch(/dist.browser\n$/)
    expect(code).toBe(0)
  })
})
