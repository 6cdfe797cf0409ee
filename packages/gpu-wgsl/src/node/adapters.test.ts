/**
 * The search for adapters as it is on this machine: with SwiftShader, and in an environment where no Vulkan driver can
 * be found, whatever the machine has.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { surveyAdapters } from './adapters.ts'
import { dawnEntry } from './dawn.ts'
import { diagnose } from './diagnosis.ts'
import { thisMachine } from './machine.ts'
import { useSwiftShader } from './swiftShader.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hf-adapters-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const onLinux = process.platform === 'linux' && dawnEntry() !== undefined
/** A package `webgpu` of the test's own. */
const fakeDawn = (name: string, source: string): string => {
  const path = join(folder, name)
  writeFileSync(path, source)
  return pathToFileURL(path).href
}

describe.runIf(onLinux)('without a Vulkan driver (needs Linux and the package webgpu)', () => {
  it('there is no adapter, and both Dawn and the diagnosis say why', async () => {
    const environment = {
      ...{ VK_DRIVER_FILES: join(folder, 'none.json'), VK_ICD_FILENAMES: join(folder, 'none.json') },
    }
    const survey = await surveyAdapters({ environment })
    expect(survey.failure).toBeUndefined()
    expect(survey.adapters).toEqual([])
    expect(survey.messages.join('\n')).toMatch(/libvulkan\.so\.1|INCOMPATIBLE_DRIVER/)
    const findings = diagnose({
      machine: { ...thisMachine, environment: { ...process.env, ...environment } },
      survey,
      allowSoftware: true,
    })
    expect(findings.map(({ kind }) => kind)).toContain('manifest-missing')
  })
})

const swiftShader = onLinux && useSwiftShader(import.meta.url)

describe.runIf(swiftShader)('with SwiftShader (needs Linux on x64 with @sparticuz/chromium)', () => {
  it('finds it once, with everything there is to know', async () => {
    const { adapters, messages } = await surveyAdapters()
    expect(adapters).toHaveLength(1)
    const [adapter] = adapters
    expect(adapter).toMatchObject({
      ...{ name: 'SwiftShader Device (Subzero)', vendor: 'google', architecture: 'swiftshader' },
      ...{ software: true, subgroupSizes: { minimum: 4, maximum: 4 }, matrixShapes: [] },
    })
    expect(adapter.description).toMatch(/^SwiftShader driver/)
    expect(adapter.features).toContain('subgroups')
    expect(adapter.limits['maxComputeInvocationsPerWorkgroup']).toBeGreaterThanOrEqual(256)
    expect(Object.values(adapter.limits).every(Number.isFinite)).toBe(true)
    expect(messages).toEqual([])
  })

  it('is content with it only where software will do', async () => {
    const survey = await surveyAdapters()
    expect(diagnose({ machine: thisMachine, survey, allowSoftware: true })).toEqual([])
    const strict = diagnose({ machine: thisMachine, survey, allowSoftware: false })
    expect(strict.map(({ kind }) => kind)).toContain('software-only')
  })
})

describe('a package webgpu that is not as it should be', () => {
  it('tells why it could not be loaded', async () => {
    const { failure } = await surveyAdapters({ entry: pathToFileURL(join(folder, 'absent.js')).href })
    expect(failure?.code).toBe('ERR_MODULE_NOT_FOUND')
  })

  it('may take its process down without harm to this one', async () => {
    const crash = fakeDawn(
      'crash.mjs',
      "export const create = () => { process.stderr.write('Warning: about to crash\\n'); process.kill(process.pid, 'SIGSEGV') }",
    )
    const { adapters, messages } = await surveyAdapters({ entry: crash })
    expect(adapters).toEqual([])
    expect(messages).toContain('about to crash')
    expect(messages.at(-1)).toMatch(/ended with signal SIGSEGV/)
  })

  it('prints warnings in several lines: kept are the message and what Dawn was doing', async () => {
    const refusing = fakeDawn(
      'refusing.mjs',
      `const warning = [
         'Warning: Vulkan shaderUniform*ArrayDynamicIndexing required.',
         ' - While initializing adapter (backend=BackendType::Vulkan)',
         '    at InitializeImpl (/home/runner/dawn/native/vulkan/PhysicalDeviceVk.cpp:257)', '', '',
       ].join('\\n')
       export const create = () => ({
         requestAdapter: async () => { process.stderr.write('error: XDG_RUNTIME_DIR is invalid\\n' + warning); return null },
       })`,
    )
    expect(await surveyAdapters({ entry: refusing })).toEqual({
      adapters: [],
      messages: ['Vulkan shaderUniform*ArrayDynamicIndexing required (while initializing adapter)'],
    })
  })

  it('may list no names: the plain requests are made then, and equal adapters are named once', async () => {
    const silent = fakeDawn(
      'silent.mjs',
      `const info = { vendor: 'v', architecture: 'a', device: 'd', description: 'x', subgroupMinSize: 32, subgroupMaxSize: 32,
         subgroupMatrixConfigs: [{ componentType: 'f16', resultComponentType: 'f32', M: 16, N: 8, K: 4 }] }
       export const create = (flags) => ({
         requestAdapter: async () => flags.some((flag) => flag.startsWith('adapter=')) ? null
           : { info, features: new Set(['subgroups', 'shader-f16']), limits: { maxBufferSize: 7 } },
       })`,
    )
    const { adapters } = await surveyAdapters({ entry: silent })
    expect(adapters).toEqual([
      {
        ...{ name: 'd', vendor: 'v', architecture: 'a', description: 'x', software: false },
        ...{ features: ['shader-f16', 'subgroups'], limits: { maxBufferSize: 7 } },
        subgroupSizes: { minimum: 32, maximum: 32 },
        matrixShapes: [{ componentType: 'f16', resultComponentType: 'f32', rows: 16, columns: 8, depth: 4 }],
      },
    ])
  })
})
