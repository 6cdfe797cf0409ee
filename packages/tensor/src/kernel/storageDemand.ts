/**
 * What the consumers of each value ask of it, found in one backward sweep before lowering: whether some
 * consumer needs it in memory, and at how many places an unstored value would be computed again.
 */
import type { Equation, Program, Value } from '../program/program.ts'
import { isElementwise } from '../program/primitive.ts'
import type { PrimitiveName } from '../program/primitive.ts'

export interface StorageDemand {
  /** Equations that read the value, one entry per operand position. */
  consumers(value: Value): readonly Equation[]
  isOutput(value: Value): boolean
  /** Some consumer, perhaps behind movement, reads memory: a product, gather, scatterAdd, random bits. */
  needsBuffer(value: Value): boolean
  /** Places where the value would be computed if it were not stored, counted up to 2. */
  sites(value: Value): number
  /** The only consuming equation, if there is exactly one and the value is no output. */
  soleConsumer(value: Value): Equation | undefined
}

const movement: ReadonlySet<PrimitiveName> = new Set(['reshape', 'transpose', 'broadcast', 'slice'])

function readsMemory(equation: Equation, value: Value): boolean {
  if (equation.primitive === 'dot') return equation.inputs[0] === value || equation.inputs[1] === value
  return (
    equation.primitive === 'gather' ||
    equation.primitive === 'scatterAdd' ||
    equation.primitive === 'randomBits'
  )
}

export function storageDemand(program: Program): StorageDemand {
  const consumersOf = new Map<Value, Equation[]>()
  for (const equation of program.equations) {
    for (const value of equation.inputs) {
      const list = consumersOf.get(value)
      if (list === undefined) consumersOf.set(value, [equation])
      else list.push(equation)
    }
  }
  const outputs = new Set(program.outputs)
  const buffered = new Set<Value>()
  const siteSets = new Map<Value, ReadonlySet<object>>()
  const consumers = (value: Value): readonly Equation[] => consumersOf.get(value) ?? []

  const sweep = (value: Value): void => {
    const sites = new Set<object>()
    if (outputs.has(value)) sites.add(value)
    for (const consumer of consumers(value)) {
      const [result] = consumer.outputs
      const moves = movement.has(consumer.primitive)
      if (readsMemory(consumer, value) || (moves && buffered.has(result))) buffered.add(value)
      const passesOn = moves || isElementwise(consumer.primitive)
      if (passesOn && !buffered.has(result) && !outputs.has(result)) {
        for (const site of siteSets.get(result) ?? []) if (sites.size < 2) sites.add(site)
      } else {
        sites.add(result)
      }
    }
    siteSets.set(value, sites)
  }
  for (let i = program.equations.length - 1; i >= 0; i--) program.equations[i].outputs.forEach(sweep)

  return {
    consumers,
    isOutput: (value) => outputs.has(value),
    needsBuffer: (value) => buffered.has(value),
    sites: (value) => siteSets.get(value)?.size ?? 0,
    soleConsumer: (value) => {
      const list = consumers(value)
      return !outputs.has(value) && list.every((consumer) => consumer === list[0]) ? list[0] : undefined
    },
  }
}
