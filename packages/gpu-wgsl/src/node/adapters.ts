/**
 * The adapters that this machine offers, as plain data, and what Dawn and the drivers had to say while it looked.
 *
 * The search runs in a child process: Dawn writes why it refuses a driver to the process's stderr and tells nobody else,
 * a broken driver may take the process down with it, and a look around must leave no trace in the program that asks.
 */
import { execFile } from 'node:child_process'
import type { SubgroupMatrixShape } from '../device/deviceCapabilities.ts'
import { isSoftwareAdapter, matrixShapesOf } from '../device/requestDevice.ts'
import { dawnEntry, dawnFlags } from './dawn.ts'
import { swiftShaderFolder } from './swiftShader.ts'
import { surveyScript } from './surveyScript.ts'
import type { RawAdapter, SurveyAnswer } from './surveyScript.ts'

export interface AdapterDescription {
  /** What `createDawn({ adapter })` takes: the device's name as its driver gives it. */
  readonly name: string
  readonly vendor: string
  readonly architecture: string
  /** The driver, with its version. */
  readonly description: string
  /** A processor that pretends to be a GPU. */
  readonly software: boolean
  readonly features: readonly string[]
  readonly limits: Readonly<Record<string, number>>
  /** Invocations that run in step; 0 where Dawn does not tell. */
  readonly subgroupSizes: { readonly minimum: number; readonly maximum: number }
  /** Shapes of the matrix products that the hardware has instructions for. */
  readonly matrixShapes: readonly SubgroupMatrixShape[]
}

export interface AdapterSurvey {
  readonly adapters: readonly AdapterDescription[]
  /** Why Dawn could not be loaded; undefined where it was. */
  readonly failure?: { readonly code: string; readonly message: string }
  /** Warnings and errors of Dawn, the Vulkan loader and the drivers, each once. */
  readonly messages: readonly string[]
}

export interface SurveyOptions {
  /** Variables of the child's environment, on top of this process's. */
  readonly environment?: Readonly<Record<string, string>>
  /** URL of the `webgpu` package's module; default the one that this package finds. */
  readonly entry?: string
}

/** A driver that hangs is one that does not work. */
const patienceMilliseconds = 20_000

/** Asks Dawn, in a child process, for every adapter; takes a fifth of a second. Never rejects. */
export async function surveyAdapters({
  environment = {},
  entry = dawnEntry(),
}: SurveyOptions = {}): Promise<AdapterSurvey> {
  if (entry === undefined) {
    const message = "Cannot find package 'webgpu'"
    return { adapters: [], failure: { code: 'ERR_MODULE_NOT_FOUND', message }, messages: [] }
  }
  const { stdout, stderr, ended } = await runChild(
    JSON.stringify({ entry, flags: dawnFlags({}) }),
    environment,
  )
  const messages = messagesIn(stderr)
  try {
    const { adapters, failure, rejections } = JSON.parse(stdout) as SurveyAnswer
    return {
      adapters: adapters.map(describeAdapter),
      messages: [...new Set([...messages, ...rejections])],
      ...(failure === undefined ? {} : { failure }),
    }
  } catch {
    return { adapters: [], messages: [...messages, `the search for adapters ended with ${ended}`] }
  }
}

interface ChildOutcome {
  readonly stdout: string
  readonly stderr: string
  /** How it ended, for people. */
  readonly ended: string
}

function runChild(argument: string, more: Readonly<Record<string, string>>): Promise<ChildOutcome> {
  const loaderFolder = swiftShaderFolder()
  const libraries = [loaderFolder, process.env['LD_LIBRARY_PATH']].filter((path) => path !== undefined)
  const env = {
    ...process.env,
    ...(libraries.length === 0 ? {} : { LD_LIBRARY_PATH: libraries.join(':') }),
    ...more,
  }
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--input-type=module', '--eval', surveyScript, argument],
      { env, timeout: patienceMilliseconds, killSignal: 'SIGKILL', maxBuffer: 2 ** 24 },
      (error, stdout, stderr) => {
        const ended =
          error === null ? 'no answer' : error.signal ? `signal ${error.signal}` : `exit code ${error.code}`
        resolve({ stdout, stderr, ended })
      },
    )
  })
}

/**
 * Each message once, with what Dawn was doing (`- While …`) behind it in brackets; without the lines `at …` that say
 * where in Dawn.
 */
function messagesIn(stderr: string): string[] {
  const messages: string[] = []
  for (const line of stderr.split('\n').map((text) => text.trim())) {
    const context = /^- While ([^(]*[^( ])/.exec(line)?.[1]
    if (context !== undefined && messages.length > 0) {
      messages.push(`${messages.pop()?.replace(/\.$/, '') ?? ''} (while ${context})`)
    } else if (line !== '' && !/^at .*\(.*:\d+\)$/.test(line)) {
      messages.push(line.replace(/^(Warning|Error|error|WARNING|ERROR): */, ''))
    }
  }
  return [...new Set(messages)].filter((message) => !harmless.test(message))
}

/** What every healthy machine prints. */
const harmless = /XDG_RUNTIME_DIR is invalid|artificially reduced/

function describeAdapter({ name, info, features, limits }: RawAdapter): AdapterDescription {
  return {
    name: name === '' ? info.device : name,
    vendor: info.vendor,
    architecture: info.architecture,
    description: info.description,
    software: isSoftwareAdapter({ ...info, device: `${info.device} ${name}` }),
    features,
    limits,
    subgroupSizes: { minimum: info.subgroupMinSize ?? 0, maximum: info.subgroupMaxSize ?? 0 },
    matrixShapes: matrixShapesOf(info),
  }
}
