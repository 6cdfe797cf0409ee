/**
 * The browser command: builds the page that trains in a browser, and serves it and the MNIST files on this machine until
 * Ctrl-C, which ends it with 0. A mistake on the command line ends with 2.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { TensorError } from '@hessian-free/tensor'
import { mnistDirectory } from '../data/mnistFolder.ts'
import { abortOnInterrupt } from '../training/interruption.ts'
import { buildPage, defaultPageFolder } from './buildPage.ts'
import { serveFolders } from './staticServer.ts'

const portNumber = (text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value <= 65_535) return value
  throw new InvalidArgumentError('It must be an integer from 0, which takes any port that is free, to 65535.')
}

interface Options {
  readonly port: number
  readonly buildOnly?: boolean
}

const program = new Command('browser')
  .description('Build and serve the page that trains the MNIST autoencoder in a browser, on WebGPU')
  .option('--port <n>', 'where to listen on 127.0.0.1; 0 takes any port that is free', portNumber, 8080)
  .option('--build-only', 'build the page into examples/dist/browser and end')
  .showHelpAfterError()
  .allowExcessArguments(false)
  .exitOverride()
  .action(async ({ port, buildOnly }: Options) => {
    const folder = defaultPageFolder()
    await buildPage(folder)
    if (buildOnly === true) {
      process.stdout.write(`${folder}\n`)
      return
    }
    const server = await serveFolders({ '/': folder, '/mnist': mnistDirectory() }, { port })
    process.stdout.write(`The page is at ${server.address}\nCtrl-C ends the server.\n`)
    const { signal } = abortOnInterrupt(() => void process.stdout.write('\n'))
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    await server.close()
  })

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2
  } else {
    const message = error instanceof Error ? error.message : String(error)
    process.stderr.write(`\nerror: ${message}\n`)
    if (!(error instanceof TensorError) && error instanceof Error)
      process.stderr.write(`${error.stack ?? ''}\n`)
    process.exitCode = 1
  }
}
