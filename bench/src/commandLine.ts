/**
 * What to measure, from the command line: names of suites (all of them by default, or by the word `cpu`), numbers of
 * threads, and where to keep the rows.
 */
export interface Command {
  readonly suites: readonly string[]
  readonly help: boolean
  readonly peers: boolean
  /** Numbers of threads, each measured in turn. */
  readonly threads: readonly number[]
  /** Small sizes and few runs: that everything works, not how fast. */
  readonly quick: boolean
  /** A file that the rows are also written to, one JSON line each. */
  readonly save: string | undefined
}

const flags = ['--help', '-h', '--no-peers', '--quick']
const valued = ['--threads', '--save']

function parseThreads(text: string): number[] {
  const threads = text.split(',').map(Number)
  if (threads.some((count) => !Number.isInteger(count) || count < 1 || count > 64)) {
    throw new RangeError(
      `--threads takes numbers from 1 to 64 with commas between them, as in 1,2; found '${text}'`,
    )
  }
  return [...new Set(threads)].sort((a, b) => a - b)
}

/**
 * @param known names of suites; @param threads where the command line names none.
 * @throws {RangeError} for a name that is none of `known`, listing them, or for a malformed option.
 */
export function parseCommand(
  args: readonly string[],
  known: readonly string[],
  threads: readonly number[] = [1],
): Command {
  const named: string[] = []
  const given = new Map<string, string>()
  const set = new Set<string>()
  for (let i = 0; i < args.length; i++) {
    const [name, inline] = args[i].split(/=(.*)/s)
    if (valued.includes(name)) {
      const value = inline ?? args[++i]
      if (value === undefined) throw new RangeError(`${name} needs a value`)
      given.set(name, value)
    } else if (flags.includes(args[i])) set.add(args[i])
    else if (args[i] === 'cpu') named.push(...known)
    else if (known.includes(args[i])) named.push(args[i])
    else {
      throw new RangeError(
        `unknown suite or option '${args[i]}'; suites: ${known.join(', ')}; options: ${[...flags, ...valued].join(', ')}`,
      )
    }
  }
  const wanted = given.get('--threads')
  return {
    suites: named.length === 0 ? known : known.filter((name) => named.includes(name)),
    help: set.has('--help') || set.has('-h'),
    peers: !set.has('--no-peers'),
    threads: wanted === undefined ? threads : parseThreads(wanted),
    quick: set.has('--quick'),
    save: given.get('--save'),
  }
}
