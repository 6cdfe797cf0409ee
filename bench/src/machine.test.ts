import { expect, it } from 'vitest'
import { coresOf, physicalCores } from './machine.ts'

const processor = (socket: number, core: number) =>
  `processor\t: 0\nphysical id\t: ${socket}\ncore id\t\t: ${core}\n`

it('counts hardware threads of one core once, and cores of two sockets apart', () => {
  expect(coresOf([processor(0, 0), processor(0, 1), processor(0, 0), processor(1, 0)].join('\n'))).toBe(3)
})

it('knows no cores where the system lists none', () => {
  expect(coresOf('processor\t: 0\nmodel name\t: x\n')).toBeUndefined()
  expect(physicalCores()).toBeGreaterThanOrEqual(1)
})
