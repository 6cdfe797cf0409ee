// What plans heuristics choose for the reductions that training is made of.
import type { ReduceKernel, Shape, View } from '@hessian-free/tensor'
import { denseView } from '@hessian-free/tensor'
import { expect, it } from 'vitest'
import { guaranteedCapabilities } from '../device/deviceCapabilities.ts'
import { planReduction } from './reductionPlan.ts'

const hardware = guaranteedCapabilities
const software = { ...guaranteedCapabilities, isSoftware: true }

const sum = (kept: Shape, reduced: Shape, ...views: readonly View[]): ReduceKernel => ({
  kind: 'reduce',
  reducer: 'sum',
  kept,
  reduced,
  nodes: views.map((view, buffer) => ({ kind: 'load', buffer, view, dtype: 'float32' })),
  operand: 0,
  epilogue: [{ kind: 'result', dtype: 'float32' }],
  stores: [{ node: 0, buffer: views.length, view: denseView(kept) }],
})

const innerProduct = (n: number): ReduceKernel => sum([], [n], denseView([n]), denseView([n]))
const overRows = (rows: number, columns: number): ReduceKernel =>
  sum([columns], [rows], { offset: 0, strides: [1, columns] })
const overColumns = (rows: number, columns: number): ReduceKernel =>
  sum([rows], [columns], denseView([rows, columns]))

it('cuts an inner product of all parameters into chunks of whole workgroups, in vectors', () => {
  expect(planReduction(innerProduct(2_837_314), hardware)).toEqual({
    items: 1,
    folds: 256,
    neighbours: 'folds',
    vectorAxis: 'reduced',
    chunks: 256,
  })
})

it('reduces a short vector in one dispatch', () => {
  expect(planReduction(innerProduct(4000), hardware).chunks).toBe(1)
  expect(planReduction(innerProduct(100), hardware)).toMatchObject({ items: 1, folds: 8 })
})

it('puts threads along columns to sum over rows, and cuts where columns are few', () => {
  expect(planReduction(overRows(7500, 1000), hardware)).toMatchObject({
    items: 32,
    folds: 8,
    neighbours: 'items',
    chunks: 33,
    vectorAxis: 'kept',
  })
  expect(planReduction(overRows(7500, 30), hardware).chunks).toBeGreaterThan(100)
  expect(planReduction(overRows(10, 100_000), hardware)).toMatchObject({ items: 256, folds: 1, chunks: 1 })
})

it('puts threads along rows to sum over columns, several rows to a workgroup where they are short', () => {
  expect(planReduction(overColumns(7500, 1000), hardware)).toEqual({
    items: 4,
    folds: 64,
    neighbours: 'folds',
    vectorAxis: 'reduced',
    chunks: 1,
  })
  expect(planReduction(overColumns(100_000, 8), hardware)).toMatchObject({ items: 256, folds: 1, chunks: 1 })
})

it('uses neither barriers nor more chunks than a processor has use for on a software adapter', () => {
  for (const kernel of [overRows(7500, 1000), overColumns(7500, 1000), innerProduct(2_837_314)]) {
    expect(planReduction(kernel, software).folds).toBe(1)
  }
  expect(planReduction(innerProduct(2_837_314), software)).toMatchObject({
    chunks: 256,
    vectorAxis: 'reduced',
  })
  expect(planReduction(overRows(7500, 1000), software).chunks).toBe(1)
})

it('keeps within the workgroups of the least device', () => {
  const least = { ...hardware, maximumWorkgroupInvocations: 96 }
  for (const kernel of [overRows(7500, 1000), overColumns(7500, 1000), innerProduct(1_000_000)]) {
    const { items, folds } = planReduction(kernel, least)
    expect(items * folds).toBeLessThanOrEqual(64)
  }
})

it('reads vectors only along an axis that every operand is aligned or constant along', () => {
  const axisOf = (kernel: ReduceKernel) => planReduction(kernel, hardware).vectorAxis
  expect(axisOf(sum([8], [12], denseView([8, 12]), { offset: 3, strides: [1, 0] }))).toBe('reduced')
  expect(axisOf(sum([8], [13], denseView([8, 13])))).toBe('none')
  expect(axisOf(sum([], [12], { offset: 2, strides: [1] }))).toBe('none')
  expect(axisOf(sum([8], [12], denseView([8, 12]), { offset: 0, strides: [1, 8] }))).toBe('none')
  expect(axisOf(sum([], [3, 10], { offset: 0, strides: [12, 1] }))).toBe('none')
  expect(axisOf(sum([8], [12], { offset: 4, strides: [1, 8] }, { offset: 3, strides: [0, 1] }))).toBe('kept')
  expect(axisOf(sum([6], [12], { offset: 4, strides: [1, 6] }))).toBe('none')
  expect(axisOf(sum([8], [12], { offset: 4, strides: [1, 9] }))).toBe('none')
})

it('keeps four positions of maxima apart: they are no vectors', () => {
  const kernel = overRows(7500, 1000)
  expect(planReduction({ ...kernel, reducer: 'max' }, hardware).vectorAxis).toBe('kept')
  expect(planReduction({ ...kernel, reducer: 'argMax' }, hardware).vectorAxis).toBe('none')
})
