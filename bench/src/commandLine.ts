/** What to measure, from the command line: names of suites, all of them by default. */
export interface Command {
  readonly suites: readonly string[]
  readonly help: boolean
  readonly peers: boolean
}

/** @throws {RangeError} for a name that is none of `known`, listing them. */
export function parseCommand(args: readonly string[], known: readonly string[]): Command {
  const flags = ['--help', '-h', '--no-peers']
  const unknown = args.find((arg) => !flags.includes(arg) && !known.includes(arg))
  if (unknown !== undefined) {
    throw new RangeError(
      `unknown suite or option '${unknown}'; suites: ${known.join(', ')}; options: ${flags.join(', ')}`,
    )
  }
  const named = args.filter((arg) => known.includes(arg))
  return {
    suites: named.length === 0 ? known : named,
    help: args.includes('--help') || args.includes('-h'),
    peers: !args.includes('--no-peers'),
  }
}
