import { BackendError } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { outputTile, parseVariant, threadsOf, variantKey, workgroupBytes } from './matrixVariant.ts'

describe('variants', () => {
  it.each([
    'tiled 128x64x16 8x4 double /1',
    'tiled 32x32x8 4x4 single /12',
    'direct 4x8 1x8 u4 /1',
    'direct 1x3 64x1 u4 /7',
    'quad 8x8 q2 u4 /1',
    'vector 1x4 t64 /2',
  ])('%s is read and written again as it was', (key) => {
    expect(variantKey(parseVariant(key))).toBe(key)
  })

  it.each([
    '',
    'tiled',
    'tiled 128x64 8x4 double /1',
    'direct 4x8 1x8 /1',
    'vector 1x4 t64 /x',
    ' vector 1x4 t64 /2',
    'direct 1x5 1x8 u4 /1',
    'quad 3x8 q1 u4 /1',
    'vector 1x1 t48 /1',
    'tiled 0x64x16 8x4 double /1',
    'tiled 128x64x16 8x4 double /0',
  ])('the text %j is refused', (key) => {
    expect(() => parseVariant(key)).toThrow(BackendError)
  })

  it('sizes follow from the numbers', () => {
    const tiled = parseVariant('tiled 128x64x16 8x4 double /1')
    expect([threadsOf(tiled), outputTile(tiled), workgroupBytes(tiled)]).toEqual([256, [128, 64], 25_600])
    const direct = parseVariant('direct 4x8 2x16 u4 /1')
    expect([threadsOf(direct), outputTile(direct), workgroupBytes(direct)]).toEqual([32, [8, 128], 0])
    const quad = parseVariant('quad 4x8 q2 u4 /1')
    expect([threadsOf(quad), outputTile(quad), workgroupBytes(quad)]).toEqual([8, [8, 32], 0])
    const vector = parseVariant('vector 2x3 t64 /1')
    expect([threadsOf(vector), outputTile(vector), workgroupBytes(vector)]).toEqual([64, [2, 3], 1536])
  })
})
