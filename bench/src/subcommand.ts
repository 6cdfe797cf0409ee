/**
 * A subcommand with options of its own, as a person meets it: what they can put right is a message and not a stack trace.
 * Exit codes are those of the hf command: 2 for a mistake on the command line, 1 for a machine or file that lacks something.
 */
import { BackendError } from '@hessian-free/tensor'

const withoutGpu = 'Without a GPU, --software runs the same on the processor (SwiftShader from npm).'

const isOfTheSystem = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && 'syscall' in error

/**
 * @param run throws a RangeError for words it does not know.
 * @returns the exit code.
 */
export async function runSubcommand(
  run: (args: readonly string[]) => Promise<number>,
  args: readonly string[],
): Promise<number> {
  try {
    return await run(args)
  } catch (error) {
    if (error instanceof RangeError) {
      console.error(error.message)
      return 2
    }
    if (!(error instanceof BackendError) && !isOfTheSystem(error)) throw error
    console.error(error.message)
    if (error instanceof BackendError && !args.includes('--software')) console.error(withoutGpu)
    return 1
  }
}
