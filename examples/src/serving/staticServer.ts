/**
 * Folders over HTTP on this machine only. Answers isolate the page from other origins (COOP and COEP), which gives it
 * shared memory between its threads and timers that are not coarsened.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FileError } from '@hessian-free/tensor'
import sirv from 'sirv'

export interface StaticServer {
  /** `http://127.0.0.1:<port>/` */
  readonly address: string
  close(): Promise<void>
}

export interface ServingOptions {
  /** Default 0, which takes a free one. */
  readonly port?: number
  /** Sends the headers that isolate the page; default true. */
  readonly isolated?: boolean
}

const isolation: Readonly<Record<string, string>> = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

/**
 * Starts a server on 127.0.0.1.
 * @param folders by the path they are served under, such as `/mnist`; `/` takes what no other does.
 * @throws {FileError} if the port cannot be had.
 */
export async function serveFolders(
  folders: Readonly<Record<string, string>>,
  { port = 0, isolated = true }: ServingOptions = {},
): Promise<StaticServer> {
  const mounts = Object.entries(folders)
    .sort(([a], [b]) => b.length - a.length)
    .map(([path, folder]) => ({
      prefix: path.endsWith('/') ? path : `${path}/`,
      serve: sirv(folder, { dev: true }),
    }))
  const server = createServer((request, response) => {
    if (isolated) for (const [name, value] of Object.entries(isolation)) response.setHeader(name, value)
    const missing = (): void =>
      void response.writeHead(404, { 'Content-Type': 'text/plain' }).end('Not found\n')
    const url = request.url ?? '/'
    const mount = mounts.find(({ prefix }) => url.startsWith(prefix))
    if (mount === undefined) return missing()
    request.url = url.slice(mount.prefix.length - 1)
    mount.serve(request, response, missing)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new FileError({
          operation: 'serveFolders',
          rule: `port ${port} of 127.0.0.1 must be free to listen on`,
          found: cause.code ?? cause.message,
          remedy: 'Choose another with --port; 0 takes any that is free',
          cause,
        }),
      ),
    )
    server.listen(port, '127.0.0.1', resolve)
  })
  const { port: actual } = server.address() as AddressInfo
  return {
    address: `http://127.0.0.1:${actual}/`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)))
        server.closeAllConnections()
      }),
  }
}
