/**
 * The hf command: train an example, list what there is, draw a report again. Unknown names and bad values end with exit
 * code 2 and a message that lists what is valid; failures of a run end with 1 and one readable message; a run stopped by
 * Ctrl-C keeps everything and ends with 0. A second Ctrl-C ends at once, with 130. What only some commands need, charts
 * above all, is loaded by them, so that help and mistakes are answered at once.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { TensorError, mostThreads } from '@hessian-free/tensor'
import { adapters, backends, examples } from './choices.ts'
import type { DevicesOptions } from './devices.ts'
import { presetNames } from './examples/example.ts'
import { findIdleOption } from './idleOptions.ts'
import { validNames } from './nearestName.ts'
import { preconditioners, samplings } from './optimiserChoices.ts'
import { abortOnInterrupt } from './training/interruption.ts'
import type { TrainingOptions } from './training/train.ts'

const positiveInteger = (text: string): number => {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new InvalidArgumentError('It must be a positive integer.')
}

const positiveNumber = (text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('It must be a positive number.')
}

const seedNumber = (text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= 0) return value
  throw new InvalidArgumentError('It must be a non-negative integer.')
}

const threadCount = (text: string): number => {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 1 && value <= mostThreads) return value
  throw new InvalidArgumentError(`It must be an integer from 1 to ${mostThreads}.`)
}

/** An option whose values are names; a wrong one is answered with those there are and the nearest. */
const oneOf = (flags: string, description: string, names: readonly string[], byDefault: string): Option =>
  new Option(flags, description)
    .choices(names)
    .default(byDefault)
    .argParser((given) => {
      if (names.includes(given)) return given
      throw new InvalidArgumentError(validNames(given, names))
    })

const adapterOption = (): Option =>
  oneOf('--adapter <kind>', 'what the gpu backend may compute on', Object.keys(adapters), 'hardware')

/** A folder's name, not a path: a run never lands outside `--out`. */
const folderName = (text: string): string => {
  if (/^[A-Za-z0-9][\w.+-]*$/.test(text)) return text
  throw new InvalidArgumentError(
    'It must begin with a letter or digit and hold letters, digits and any of _ . + - only.',
  )
}

const announceStop = (): void =>
  void process.stderr.write('\nStopping at the next safe point; Ctrl-C again ends at once.\n')

/** Commander's message, and the valid options where one is unknown. */
const listOptions =
  (command: () => Command) =>
  (message: string, write: (text: string) => void): void => {
    write(message)
    if (!message.includes('unknown option')) return
    write(
      `Valid options: ${command()
        .options.flatMap(({ long }) => long ?? [])
        .join(', ')}, --help.\n`,
    )
  }

const program = new Command('hf')
  .description('Hessian-free optimisation of example networks on real data')
  .showHelpAfterError('(hf --help shows what there is)')
  .exitOverride()

const trainCommand: Command = program
  .command('train')
  .configureOutput({ outputError: listOptions(() => trainCommand) })
  .description(
    'train an example and write runs/<name>/ with log.jsonl, parameters.safetensors and report.html',
  )
  .argument('<example>', `one of ${examples.map(({ name }) => name).join(', ')}`)
  .addOption(oneOf('--preset <name>', 'size of network and data', presetNames, 'small'))
  .addOption(oneOf('--backend <name>', 'where to compute', Object.keys(backends), 'auto'))
  .addOption(adapterOption())
  .option(
    '--tune',
    'time variants of matrix products on the GPU after the first step, and go on with the best',
  )
  .option(
    '--threads <n>',
    'of the wasm backend; default one for each physical core. Results do not depend on it',
    threadCount,
  )
  .option(
    '--deterministic',
    'with --backend wasm: multiply and add with two roundings, the same bits on every machine',
  )
  .option('--iterations <n>', 'outer iterations; default that of the preset', positiveInteger)
  .addOption(
    oneOf('--preconditioner <name>', 'of conjugate gradients', Object.keys(preconditioners), 'lbfgs'),
  )
  .option('--pairs <n>', 'curvature pairs of the lbfgs preconditioner', positiveInteger, 32)
  .addOption(
    oneOf('--sampling <name>', 'cases for gradient and curvature', Object.keys(samplings), 'geometric'),
  )
  .option('--damping <λ>', 'initial damping; default that of the preset', positiveNumber)
  .option('--seconds <s>', 'stop after the first iteration that ends later than this', positiveNumber)
  .option('--seed <n>', 'of initial parameters and samples', seedNumber, 0)
  .option('--name <name>', 'of the run; default example, preset and time', folderName)
  .option('--out <folder>', 'where runs are written', 'runs')
  .addOption(
    new Option('--quiet', 'print the folder of the run at the end and nothing else').conflicts('json'),
  )
  .option('--json', 'print the lines of the log instead of a table')
  .addHelpText(
    'after',
    '\nCtrl-C stops at the next safe point, keeps everything that was done and ends with exit code 0; once more, it ends at once with 130.',
  )
  .action(async (name: string, options: TrainingOptions) => {
    const example = examples.find((candidate) => candidate.name === name)
    if (example === undefined) {
      throw new CommanderError(
        2,
        'hf.unknownExample',
        `error: unknown example '${name}'. ${validNames(
          name,
          examples.map((e) => e.name),
        )}`,
      )
    }
    const idle = findIdleOption(options)
    if (idle !== undefined) throw new CommanderError(2, 'hf.idleOption', `error: option ${idle}`)
    const { train } = await import('./training/train.ts')
    await train(example, options, abortOnInterrupt(announceStop))
  })

program
  .command('list')
  .description('list examples, presets and choices')
  .action(() => {
    const section = (title: string, entries: Readonly<Record<string, string>>): string =>
      [title, ...Object.entries(entries).map(([name, text]) => `  ${name.padEnd(20)}${text}`)].join('\n')
    const text = examples.map(({ name, description, presets }) =>
      section(
        `${name}: ${description}`,
        Object.fromEntries(
          presetNames.map((preset) => [
            preset,
            `${presets[preset].widths.join('-')}, ${presets[preset].trainingCases} training cases`,
          ]),
        ),
      ),
    )
    process.stdout.write(
      `${[...text, section('backends', backends), section('adapters of the gpu backend', adapters), section('preconditioners', preconditioners), section('samplings', samplings)].join('\n\n')}\n`,
    )
  })

const devicesCommand: Command = program
  .command('devices')
  .configureOutput({ outputError: listOptions(() => devicesCommand) })
  .description(
    'show what backends compute on: threads of wasm, adapters of gpu, and what is missing where there are none',
  )
  .addOption(adapterOption())
  .option('--json', 'print adapters with all limits, what is missing, and messages of drivers as JSON')
  .addHelpText('after', '\nThe exit code is 0 with and without adapters.')
  .action(async (options: DevicesOptions) => {
    const { describeDevices } = await import('./devices.ts')
    process.stdout.write(`${await describeDevices(options)}\n`)
  })

program
  .command('report')
  .description('draw report.html of finished or interrupted runs again, from their logs')
  .argument('<runs...>', 'folders of runs')
  .action(async (runs: string[]) => {
    const [{ parseLog }, { renderReport }] = await Promise.all([
      import('./report/readLog.ts'),
      import('./report/report.ts'),
    ])
    for (const run of runs) {
      const path = join(run, 'log.jsonl')
      writeFileSync(join(run, 'report.html'), renderReport(parseLog(readFileSync(path, 'utf8'), path)))
      process.stdout.write(`${join(run, 'report.html')}\n`)
    }
  })

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version are no errors; everything else commander throws is a mistake on the command line.
    if (error.code.startsWith('hf.')) process.stderr.write(`${error.message}\n`)
    process.exitCode = error.exitCode === 0 ? 0 : 2
  } else {
    // Errors of this project and of the system say what is wrong; for any other the place it came from is the clue.
    const expected = error instanceof TensorError || (error instanceof Error && 'code' in error)
    const message = error instanceof Error ? error.message : String(error)
    process.stderr.write(`\nerror: ${message}\n`)
    if (!expected && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
    process.exitCode = 1
  }
}
