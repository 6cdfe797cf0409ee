// Random float32 programs mean the same on unoptimised reference, optimised reference and wasm.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createReferenceBackend } from '../reference/referenceBackend.ts'
import { createWasmBackend } from '../wasm/wasmBackend.ts'
import { randomProgram } from './randomProgram.ts'
import { checkRandomProgram } from './randomProgramCheck.ts'

const tested = [createReferenceBackend({ optimise: true }), createWasmBackend()]

it.each(tested.map((backend) => ({ name: backend.name, backend })))(
  'random programs mean the same on $name',
  async ({ backend }) => {
    await fc.assert(
      fc.asyncProperty(randomProgram('float32'), (random) => checkRandomProgram(backend, random)),
      { numRuns: 250 },
    )
    expect(backend.memory().liveBuffers).toBe(0)
  },
)
