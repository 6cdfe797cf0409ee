// The promises that the workspace's manifests make: what may depend on what, and that a lockfile fits any registry.

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

/** What each package may depend on, the whole of it. */
const ALLOWED = {
  tensor: [],
  autodiff: ['@hessian-free/tensor'],
  'gpu-wgsl': ['@hessian-free/tensor'],
  hf: ['@hessian-free/autodiff', '@hessian-free/tensor'],
}

/** @param {string} path */
const locate = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))

describe.each(Object.entries(ALLOWED))('the package %s', (name, allowed) => {
  const manifest = JSON.parse(readFileSync(locate(`packages/${name}/package.json`), 'utf8'))

  it('has no runtime dependency but the packages below it', () => {
    const dependencies = Object.entries(manifest.dependencies ?? {})
    expect(allowed).toEqual(expect.arrayContaining(dependencies.map(([dependency]) => dependency)))
    for (const [, version] of dependencies) expect(version).toBe('workspace:*')
  })

  it('asks its users for nothing that is not optional', () => {
    for (const peer of Object.keys(manifest.peerDependencies ?? {})) {
      expect(manifest.peerDependenciesMeta[peer]).toEqual({ optional: true })
    }
  })

  it('offers the source of each entry point to this workspace, and the build to others', () => {
    for (const [subpath, entry] of Object.entries(manifest.exports)) {
      const stem = subpath === '.' ? 'index' : `${subpath.slice(2)}/index`
      expect(entry).toEqual({
        source: `./src/${stem}.ts`,
        types: `./dist/${stem}.d.ts`,
        default: `./dist/${stem}.js`,
      })
      expect(existsSync(locate(`packages/${name}/src/${stem}.ts`))).toBe(true)
    }
  })
})

it.each(['pnpm-lock.yaml', 'bench/peers/pnpm-lock.yaml'])(
  '%s installs from whichever registry is configured',
  (path) => {
    expect(readFileSync(locate(path), 'utf8')).not.toMatch(/https?:|tarball:/)
  },
)

it('keeps the engines that the benchmarks compare with out of the workspace', () => {
  const lockfile = readFileSync(locate('pnpm-lock.yaml'), 'utf8')
  const peers = JSON.parse(readFileSync(locate('bench/peers/package.json'), 'utf8'))
  for (const peer of Object.keys(peers.dependencies)) expect(lockfile).not.toContain(`${peer}@`)
})

it('pins one version of pnpm', () => {
  const { packageManager, devDependencies } = JSON.parse(readFileSync(locate('package.json'), 'utf8'))
  expect(packageManager).toBe(`pnpm@${devDependencies.pnpm}`)
})
