/**
 * The benchmark runner: `pnpm bench [suite…] [--no-peers]`, and for devices `pnpm bench gpu` and `pnpm bench gpu-peers`,
 * which have options of their own and are loaded only then. One JSON line per row on standard output, a table at the end
 * on standard error, so that results can be kept with `> file.jsonl`.
 */
import { parseCommand } from './commandLine.ts'
import type { Command } from './commandLine.ts'
import { loadJax, loadTf } from './peers/peers.ts'
import type { Row } from './row.ts'
import { formatTable } from './row.ts'
import { runSubcommand } from './subcommand.ts'
import { elementwise } from './suites/elementwise.ts'
import { matrixProduct } from './suites/matrixProduct.ts'
import type { Suite } from './suites/suite.ts'
import { training } from './suites/training.ts'

const suites: readonly Suite[] = [matrixProduct, elementwise, training]

const help = [
  'Usage: pnpm bench [suite…] [--no-peers]',
  '',
  'Times this project beside other engines, single-threaded, interleaved; medians. Suites:',
  ...suites.map(({ name, description }) => `  ${name.padEnd(16)}${description}`),
  'Subcommands, each with --help:',
  '  gpu             the WebGPU backend on the device of this machine',
  '  gpu-peers       the same beside jax-js and TensorFlow.js on WebGPU',
  '',
  '  --no-peers      measure ours alone; installs nothing',
].join('\n')

function readCommand(): Command | undefined {
  try {
    return parseCommand(
      process.argv.slice(2),
      suites.map(({ name }) => name),
    )
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    console.error(error.message)
    process.exitCode = 2
    return undefined
  }
}

async function runSuites({ suites: wanted, peers: withPeers }: Command): Promise<void> {
  const peers = withPeers ? { jax: await loadJax(), tf: await loadTf() } : { jax: undefined, tf: undefined }
  const rows: Row[] = []
  for (const suite of suites) {
    if (!wanted.includes(suite.name)) continue
    await suite.run(peers, (row) => {
      rows.push(row)
      console.log(JSON.stringify(row))
    })
  }
  console.error(`\n${formatTable(rows)}`)
  // Peers keep worker pools and timers alive.
  process.exit(0)
}

if (process.argv[2] === 'gpu') {
  const { runGpuBenchmarks } = await import('./gpu/gpuCommand.ts')
  process.exit(await runSubcommand(runGpuBenchmarks, process.argv.slice(3)))
} else if (process.argv[2] === 'gpu-peers') {
  const { runGpuPeers } = await import('./gpu/gpuPeers.ts')
  process.exit(await runSubcommand(runGpuPeers, process.argv.slice(3)))
} else {
  const command = readCommand()
  if (command?.help === true) console.log(help)
  else if (command !== undefined) await runSuites(command)
}
