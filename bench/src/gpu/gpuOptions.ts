/** What `pnpm bench gpu` is asked for on the command line. */
export interface GpuOptions {
  /** Names of measurements, all of them by default. */
  readonly measurements: readonly string[]
  readonly help: boolean
  /** Only say which adapter there is; exit code 1 where there is none of hardware. */
  readonly probe: boolean
  readonly quick: boolean
  /** Take SwiftShader from npm instead of the machine's Vulkan drivers. */
  readonly software: boolean
  /** Let the backend time variants of its products first. */
  readonly tune: boolean
  readonly sizes?: readonly number[]
  readonly batches?: readonly number[]
  /** File for the rows; `{device}` in it becomes the adapter's name in letters, digits and dashes. */
  readonly output?: string
  /** Files of rows to print as one table, instead of measuring. */
  readonly table?: readonly string[]
}

function positiveIntegers(flag: string, text: string | undefined): number[] {
  const values = (text ?? '').split(',').map(Number)
  if (values.every((value) => Number.isSafeInteger(value) && value > 0)) return values
  throw new RangeError(`${flag} takes positive integers with commas between them, not '${text ?? ''}'`)
}

const nothing: GpuOptions = {
  measurements: [],
  help: false,
  probe: false,
  quick: false,
  software: false,
  tune: false,
}

/** @throws {RangeError} for what it does not understand, listing what it does. */
export function parseGpuOptions(args: readonly string[], known: readonly string[]): GpuOptions {
  const flags = new Set<string>()
  const values = new Map<string, string>()
  const measurements: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]
    if (arg === '--table') {
      return { ...nothing, table: args.slice(i + 1) }
    } else if (['--quick', '--software', '--tune', '--help', '-h', '--probe', '--no-peers'].includes(arg))
      flags.add(arg)
    else if (['--sizes', '--batches', '--output'].includes(arg)) values.set(arg, args[++i] ?? '')
    else if (known.includes(arg)) measurements.push(arg)
    else throw new RangeError(`unknown measurement or option '${arg}'; measurements: ${known.join(', ')}`)
  }
  const [sizes, batches, output] = ['--sizes', '--batches', '--output'].map((flag) => values.get(flag))
  return {
    measurements: measurements.length === 0 ? known : measurements,
    help: flags.has('--help') || flags.has('-h'),
    probe: flags.has('--probe'),
    quick: flags.has('--quick'),
    software: flags.has('--software'),
    tune: flags.has('--tune'),
    ...(sizes === undefined ? {} : { sizes: positiveIntegers('--sizes', sizes) }),
    ...(batches === undefined ? {} : { batches: positiveIntegers('--batches', batches) }),
    ...(output === undefined ? {} : { output }),
  }
}

/** An adapter's name as part of a file's. */
export const fileNameOf = (adapterName: string): string =>
  adapterName
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60)
