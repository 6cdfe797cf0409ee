// The door to every job of the repository: `node scripts/bootstrap.mjs start|test|hf|browser|bench [arguments]`.
//
// It works in a fresh clone with nothing but Node and npm: it checks the Node version, installs the locked
// dependencies when they are absent or out of date, and then runs the job in this same process, so that Ctrl-C
// reaches the job alone and its exit code is the command's. No dependency may be imported here, and no syntax
// newer than Node 14 used, so that an old Node gets the message below instead of a syntax error.

const [, , job, ...jobArguments] = process.argv

/** The oldest Node for each job; the checks need a little more than the library does (vite and eslint ask it). */
const OLDEST_NODE = { start: [20, 5], hf: [20, 5], browser: [20, 5], bench: [20, 5], test: [20, 19] }

/** @param {number[]} wanted */
function nodeIsAtLeast(wanted) {
  const [major, minor] = process.versions.node.split('.').map(Number)
  return major > wanted[0] || (major === wanted[0] && minor >= wanted[1])
}

/** @param {string} name @returns {name is keyof typeof OLDEST_NODE} */
function isJob(name) {
  return Object.prototype.hasOwnProperty.call(OLDEST_NODE, name)
}

/** @returns {Promise<number | undefined>} the exit code, if it is known when the job has been started */
async function main() {
  if (!isJob(job)) {
    console.error(`Unknown job '${job}'. Jobs: ${Object.keys(OLDEST_NODE).join(', ')}.`)
    return 2
  }
  const oldest = OLDEST_NODE[job]
  if (!nodeIsAtLeast(oldest)) {
    console.error(
      `hessian-free needs Node ${oldest.join('.')} or newer for '${job}'; this is Node ${process.versions.node}.\n` +
        `Install a current Node (20, 22 or 24), for instance with a version manager, and run the command again.`,
    )
    return 1
  }
  const { installWhenNeeded, installBenchmarkPeers } = await import('./install.mjs')
  await installWhenNeeded()
  if (job === 'test') {
    const { runChecks } = await import('./test.mjs')
    return runChecks(jobArguments)
  }
  if (job === 'bench') await installBenchmarkPeers(jobArguments)
  const { runApplication } = await import('./application.mjs')
  if (job === 'start') await runApplication('hf', ['train', 'mnist-autoencoder', ...jobArguments])
  else await runApplication(job, jobArguments)
  return undefined
}

main().then(
  (exitCode) => {
    // An application that goes on after its module has loaded sets its own exit code.
    if (exitCode !== undefined) process.exitCode = exitCode
  },
  (error) => {
    console.error(error && error.name === 'InstallError' ? `\n${error.message}` : error)
    process.exitCode = 1
  },
)
