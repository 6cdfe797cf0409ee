import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { defaultTuningCachePath, fileTuningCache } from './fileTuningCache.ts'

let folder: string
let path: string
let warnings: string[]
const onWarning = (message: string): void => {
  warnings.push(message)
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tuning-'))
  path = join(folder, 'below', 'tuning.json')
  warnings = []
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

it('keeps choices from one cache object to the next, and leaves nothing beside the file', async () => {
  await fileTuningCache({ path, onWarning }).set('a | b', 'tiled')
  const cache = fileTuningCache({ path, onWarning })
  expect(await cache.get('a | b')).toBe('tiled')
  expect(await cache.get('other')).toBeUndefined()
  await Promise.all([cache.set('c', '1'), cache.set('d', '2'), cache.set('a | b', 'direct')])
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ 'a | b': 'direct', c: '1', d: '2' })
  expect(readdirSync(join(folder, 'below'))).toEqual(['tuning.json'])
  expect(warnings).toEqual([])
})

it('lies in the user’s cache folder', () => {
  const before = process.env['XDG_CACHE_HOME']
  try {
    process.env['XDG_CACHE_HOME'] = join(folder, 'cache')
    expect(defaultTuningCachePath()).toBe(join(folder, 'cache', 'hessian-free', 'tuning.json'))
    delete process.env['XDG_CACHE_HOME']
    expect(defaultTuningCachePath()).toMatch(/\.cache.hessian-free.tuning\.json$/)
  } finally {
    if (before !== undefined) process.env['XDG_CACHE_HOME'] = before
  }
})

it('a damaged file is ignored with a warning, and written anew', async () => {
  path = join(folder, 'tuning.json')
  for (const text of ['', '{"a": "tiled", "b', '[1, 2]', 'null', '\u0000\u0001']) {
    writeFileSync(path, text)
    warnings = []
    const cache = fileTuningCache({ path, onWarning })
    expect(await cache.get('a')).toBeUndefined()
    expect(warnings.join()).toContain(path)
    await cache.set('a', 'direct')
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 'direct' })
  }
  writeFileSync(path, '{"a": 3, "b": "vector"}')
  expect(await fileTuningCache({ path }).get('a')).toBeUndefined()
  expect(await fileTuningCache({ path }).get('b')).toBe('vector')
})

it('a place that cannot be written costs a warning, and choices last as long as the process', async () => {
  writeFileSync(join(folder, 'file'), '')
  const cache = fileTuningCache({ path: join(folder, 'file', 'tuning.json'), onWarning })
  await cache.set('a', 'tiled')
  expect(await cache.get('a')).toBe('tiled')
  expect(warnings.length).toBeGreaterThan(0)
})

it.each([
  ['long ago', new Date(0)],
  ['in the future, by a clock that runs ahead', new Date(Date.now() + 3_600_000)],
])('the lock of a process that died %s does not hold others up', async (_, time) => {
  path = join(folder, 'tuning.json')
  writeFileSync(`${path}.lock`, '')
  utimesSync(`${path}.lock`, time, time)
  await fileTuningCache({ path, onWarning }).set('a', 'tiled')
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 'tiled' })
  expect(warnings).toEqual([])
})

it('processes that write at the same time lose none of each other’s choices', async () => {
  const script = join(folder, 'writer.mjs')
  await build({
    stdin: {
      contents: `import { fileTuningCache } from './fileTuningCache.ts'
const [path, name] = process.argv.slice(2)
const cache = fileTuningCache({ path, onWarning: (message) => { console.error(message); process.exitCode = 1 } })
for (let i = 0; i < 40; i++) await cache.set(name + i, name)`,
      resolveDir: import.meta.dirname,
      loader: 'ts',
    },
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
  })
  const names = ['left', 'right']
  const codes = await Promise.all(
    names.map(async (name) => {
      const [code] = (await once(
        spawn(process.execPath, [script, path, name], { stdio: ['ignore', 'inherit', 'inherit'] }),
        'exit',
      )) as [number]
      return code
    }),
  )
  expect(codes).toEqual([0, 0])
  const entries = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>
  const expected = names.flatMap((name) => Array.from({ length: 40 }, (_, i) => [`${name}${i}`, name]))
  expect(entries).toEqual(Object.fromEntries(expected))
})
