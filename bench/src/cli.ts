/**
 * The benchmark runner: `npm run bench -- [cpu | suite…] [options]`, and for devices `… gpu` and `… gpu-peers`,
 * which have options of their own and are loaded only then. One JSON line per row on standard output and in the file of
 * `--save`, a table at the end on standard error. `peer-server` is how it starts peers in processes of their own.
 */
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Backend } from '@hessian-free/tensor'
import { parseCommand } from './commandLine.ts'
import type { Command } from './commandLine.ts'
import { openBackend, usualThreads } from './ourBackend.ts'
import { noPeers, startPeers } from './peers/peerEngine.ts'
import type { Row } from './row.ts'
import { formatTable } from './rowTable.ts'
import { runSubcommand } from './subcommand.ts'
import { suites } from './suites/suites.ts'

const help = [
  'Usage: npm run bench -- [cpu | suite…] [options]',
  '',
  'Times this project on the CPU beside other engines and beside what the machine allows; interleaved medians. Suites,',
  'all of them by default or by the word cpu:',
  ...suites.map(({ name, description }) => `  ${name.padEnd(18)}${description}`),
  'Subcommands, each with --help:',
  '  gpu               the WebGPU backend on the device of this machine',
  '  gpu-peers         the same beside jax-js and TensorFlow.js on WebGPU',
  '  table FILE…       prints saved rows as tables of Markdown; has no --help',
  '',
  '  --threads 1,2     numbers of threads (default: 1 and the number of physical cores)',
  '  --save FILE       also append the rows to this file, one JSON line each',
  '  --no-peers        measure ours alone; installs nothing',
  '  --quick           small sizes and single runs: that everything works',
].join('\n')

function readCommand(): Command | undefined {
  try {
    return parseCommand(
      process.argv.slice(2),
      suites.map(({ name }) => name),
      usualThreads(),
    )
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    console.error(error.message)
    process.exitCode = 2
    return undefined
  }
}

async function runSuites({ suites: wanted, peers: withPeers, threads, quick, save }: Command): Promise<void> {
  const peers = withPeers ? startPeers(process.argv[1]) : noPeers
  const backends = new Map<number, Backend>()
  const backend = (count: number): Backend => {
    const found = backends.get(count) ?? openBackend(count)
    backends.set(count, found)
    return found
  }
  if (save !== undefined) mkdirSync(dirname(save), { recursive: true })
  const rows: Row[] = []
  for (const suite of suites) {
    if (!wanted.includes(suite.name)) continue
    const emit = (row: Row): void => {
      rows.push(row)
      const line = JSON.stringify(row)
      console.log(line)
      if (save !== undefined) appendFileSync(save, `${line}\n`)
    }
    await suite.run(peers, emit, { threads, quick, backend })
  }
  console.error(`\n${formatTable(rows)}`)
  peers.close()
  // Whatever threads are still parked.
  process.exit(0)
}

if (process.argv[2] === 'gpu') {
  const { runGpuBenchmarks } = await import('./gpu/gpuCommand.ts')
  process.exit(await runSubcommand(runGpuBenchmarks, process.argv.slice(3)))
} else if (process.argv[2] === 'gpu-peers') {
  const { runGpuPeers } = await import('./gpu/gpuPeers.ts')
  process.exit(await runSubcommand(runGpuPeers, process.argv.slice(3)))
} else if (process.argv[2] === 'table') {
  const { markdownTables } = await import('./markdownTable.ts')
  console.log(markdownTables(process.argv.slice(3).flatMap((file) => readFileSync(file, 'utf8').split('\n'))))
} else if (process.argv[2] === 'peer-server') {
  const { servePeer } = await import('./peers/peerServer.ts')
  await servePeer(process.argv.slice(3))
  process.exit(0)
} else {
  const command = readCommand()
  if (command?.help === true) console.log(help)
  else if (command !== undefined) await runSuites(command)
}
