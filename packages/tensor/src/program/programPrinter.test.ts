// Golden texts: what tests, bug reports and error messages show.
import { describe, expect, it } from 'vitest'
import { noParameters } from './primitive.ts'
import type { Program } from './program.ts'
import { ProgramBuilder } from './programBuilder.ts'
import { printProgram } from './programPrinter.ts'

const half = (): Program => {
  const b = new ProgramBuilder('half')
  const x = b.input({ shape: [3], dtype: 'float32' })
  const [c] = b.emit('fill', [], { shape: [3], dtype: 'float32', value: 0.5 })
  return b.finish(b.emit('multiply', [x, c], noParameters))
}

describe('printProgram', () => {
  it('prints a layer as an engineer would write it', () => {
    const b = new ProgramBuilder('layer')
    const x = b.input({ shape: [2, 3], dtype: 'float32' })
    const w = b.input({ shape: [3, 4], dtype: 'float32' })
    const bias = b.input({ shape: [4], dtype: 'float32' })
    const [stretched] = b.emit('broadcast', [bias], { shape: [2, 4], axes: [1] })
    const axes = { lhsBatch: [], rhsBatch: [], lhsContract: [1], rhsContract: [0] }
    const [sum] = b.emit('dot', [x, w, stretched], axes)
    expect(printProgram(b.finish(b.emit('tanh', [sum], noParameters)))).toBe(
      `layer(a: float32[2,3], b: float32[3,4], c: float32[4]) {
  d: float32[2,4] = broadcast(c) axes [1]
  e: float32[2,4] = dot(a, b, d) contract [1]×[0]
  f: float32[2,4] = tanh(e)
  return f
}`,
    )
  })

  it('prints the parameters of every kind', () => {
    const b = new ProgramBuilder('all')
    const x = b.input({ shape: [2, 6], dtype: 'float32' })
    const key = b.input({ shape: [2], dtype: 'uint32' })
    const [index] = b.emit('iota', [], { shape: [3], dtype: 'int32', axis: 0 })
    b.emit('fill', [], { shape: [], dtype: 'float32', value: -0 })
    b.emit('randomBits', [key], { shape: [5] })
    b.emit('convert', [x], { dtype: 'int32' })
    b.emit('reshape', [x], { shape: [3, 4] })
    b.emit('transpose', [x], { permutation: [1, 0] })
    b.emit('slice', [x], { starts: [0, 1], limits: [2, 6], strides: [1, 2] })
    b.emit('pad', [x], { low: [1, 0], high: [0, 2], interior: [0, 1] })
    b.emit('concatenate', [x, x], { axis: 1 })
    const [rows] = b.emit('gather', [x, index], { axis: 1 })
    b.emit('scatterAdd', [x, index, rows], { axis: 1 })
    b.emit('reduceSum', [x], { axes: [0, 1] })
    b.emit('reduceMax', [x], { axes: [1] })
    const [last] = b.emit('argMax', [x], { axis: 0 })
    b.emit('dot', [x, x], { lhsBatch: [0], rhsBatch: [0], lhsContract: [1], rhsContract: [1] })
    expect(printProgram(b.finish([last, x]))).toBe(
      `all(a: float32[2,6], b: uint32[2]) {
  c: int32[3] = iota() along 0
  d: float32[] = fill() -0
  e: uint32[5] = randomBits(b)
  f: int32[2,6] = convert(a) to int32
  g: float32[3,4] = reshape(a)
  h: float32[6,2] = transpose(a) [1,0]
  i: float32[2,3] = slice(a) 0:2, 1:6:2
  j: float32[3,13] = pad(a) low [1,0] high [0,2] interior [0,1]
  k: float32[2,12] = concatenate(a, a) along 1
  l: float32[2,3] = gather(a, c) along 1
  m: float32[2,6] = scatterAdd(a, c, l) along 1
  n: float32[] = reduceSum(a) over [0,1]
  o: float32[2] = reduceMax(a) over [1]
  p: int32[6] = argMax(a) over 0
  q: float32[2] = dot(a, a) batch [0]×[0] contract [1]×[1]
  return p, a
}`,
    )
  })

  it('prints the bodies of calls below, each once', () => {
    const program = half()
    const b = new ProgramBuilder('quarter')
    const x = b.input({ shape: [3], dtype: 'float32' })
    const [once] = b.emit('call', [x], { program })
    expect(printProgram(b.finish(b.emit('call', [once], { program })))).toBe(
      `quarter(a: float32[3]) {
  b: float32[3] = call(a) half
  c: float32[3] = call(b) half
  return c
}
half(a: float32[3]) {
  b: float32[3] = fill() 0.5
  c: float32[3] = multiply(a, b)
  return c
}`,
    )
  })

  it('names more than twenty-six values apart', () => {
    const b = new ProgramBuilder('long')
    let x = b.input({ shape: [], dtype: 'float32' })
    for (let i = 0; i < 60; i++) [x] = b.emit('negate', [x], noParameters)
    const lines = printProgram(b.finish([x])).split('\n')
    expect(lines[26]).toBe('  a1: float32[] = negate(z)')
    expect(lines[60]).toBe('  i2: float32[] = negate(h2)')
    expect(lines[61]).toBe('  return i2')
  })
})
