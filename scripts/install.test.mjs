import { expect, it } from 'vitest'
import { explainFailure } from './install.mjs'

it('explains an install that could not reach the registry', () => {
  expect(
    explainFailure('request failed, reason: getaddrinfo ENOTFOUND example.invalid', 'dependencies'),
  ).toMatch(/registry could not be reached/)
})

it('explains a lockfile that lags behind a package.json, and names the pinned pnpm', () => {
  expect(explainFailure('ERR_PNPM_OUTDATED_LOCKFILE  Cannot install', 'dependencies')).toMatch(
    /Run 'npx pnpm@\d+\.\d+\.\d+ install'/,
  )
})

it('claims to know no cause that the output does not show', () => {
  expect(explainFailure('something else', 'dependencies')).toBe(
    'Could not install the dependencies: see the output above.',
  )
})
